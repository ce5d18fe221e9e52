internal import World

/// Makes single requests to Steam's hosts, and leaves a source alone for a while that asks for it.
struct SteamRequester: Sendable {
    let web: Web
    let catalogue: Catalogue

    /// - Throws: `SteamFailure.resting`
    func checkRest(_ source: SteamSource) async throws {
        if let rest = try await catalogue.rest(of: source.rawValue) {
            throw SteamFailure.resting(source, rest)
        }
    }

    func rest(_ source: SteamSource, why: String) async throws {
        let (first, max) = source.rest
        try await catalogue.rest(source.rawValue, for: first, max: max, why: why)
    }

    /// One request, and a rest for the source when its answer is a complaint.
    func ask(_ source: SteamSource, _ request: WebRequest) async throws -> WebAnswer {
        let answer: WebAnswer
        do { answer = try await web.fetch(request) } catch { throw try Self.translated(error, source) }
        try await check(answer, of: source)
        return answer
    }

    /// - Throws: `SteamFailure` unless the status is a success.
    func check(_ answer: WebAnswer, of source: SteamSource) async throws {
        if answer.isSuccess { return }
        let isChallenge =
            answer[header: "cf-mitigated"] == "challenge"
            || ItemPageParser.isChallenge(String(decoding: answer.body.prefix(65_536), as: UTF8.self))
        // A host of files says 403 of a file that it does not give; that is nothing to the other files.
        if answer.status == 429 || answer.status == 403 && source != .files || isChallenge {
            let why = isChallenge ? "it asked whether we are people" : "it answered \(answer.status)"
            try await rest(source, why: why)
        }
        if answer.status == 404 { throw SteamFailure.gone("\(source.rawValue) answered 404") }
        throw SteamFailure.refused(source, status: answer.status)
    }

    static func translated(_ error: WebError, _ source: SteamSource) throws -> SteamFailure {
        if error == .cancelled { throw CancellationError() }
        return .unreachable(source, error)
    }

    /// Reads an answer; one that is a complaint in the clothes of a page makes the source rest, too.
    func reading<T>(_ source: SteamSource, _ body: () async throws -> T) async throws -> T {
        do { return try await body() } catch let failure as ParserFailure {
            switch failure.reason {
            case .throttled, .challenged: try await rest(source, why: failure.words)
            case .gone: throw SteamFailure.gone("\(source.rawValue): \(failure.words)")
            case .changedLayout, .garbled, .tooLarge, .gated: break
            }
            throw SteamFailure.unreadable(failure)
        }
    }
}
