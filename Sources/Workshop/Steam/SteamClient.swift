internal import Crypto
package import Farm
internal import World

/// Asks Steam, no faster than it allows, whoever asks: look-ups together, each host by its budget, and a source that says
/// “too much” not at all for a while.
package final class SteamClient: Sendable {
    let settings: SteamSettings
    let web: Web
    private let catalogue: Catalogue
    private let lookUps = LookUps()

    static let lookUpsMax = 100
    static let lookUpTimeMax = Duration.seconds(5)

    package init(_ settings: SteamSettings, _ catalogue: Catalogue) {
        self.settings = settings
        self.catalogue = catalogue
        web = Web(settings: Self.webSettings(settings))
    }

    private static func webSettings(_ settings: SteamSettings) -> WebSettings {
        var webSettings = WebSettings()
        webSettings.userAgent = "Motorpool (Workshop cache)"
        // An address that the operator set is the operator's word. What Steam's answers lead to is not: without a
        // sandbox that stays public, and with one it is the sandbox alone.
        let places = [settings.api, settings.store, settings.community].compactMap(range)
        webSettings.reach = .publicInternet(besides: places)
        return webSettings
    }

    /// The literal address and port of a base address, if it has them.
    private static func range(of base: String) -> NetworkRange? {
        guard let colons = base.firstRange(of: "://") else { return nil }
        return NetworkRange(String(base[colons.upperBound...].prefix { $0 != "/" }))
    }

    package func close() async { await web.close() }

    /// Why Steam's Web API can't be reached from here; `nil`: it answers, whatever it says. Takes at most five seconds.
    package static func whyUnreachable(_ settings: SteamSettings) async -> String? {
        let web = Web(settings: webSettings(settings))
        var request = WebRequest(settings.api + "/")
        request.method = .head
        request.timeLimit = lookUpTimeMax
        request.redirectsMax = 0
        let why: String?
        do {
            _ = try await web.fetch(request)
            why = nil
        } catch { why = error.description }
        await web.close()
        return why
    }

    // MARK: Questions

    /// What Steam says of an item, asked for together with other items. Gives up after five seconds.
    /// - Throws: `SteamFailure`; `CancellationError`.
    package func details(of id: Int64, for run: Run) async throws -> ItemAnswer {
        try await checkRest(.api)
        return try await lookUps.answer(
            about: id, together: Self.lookUpsMax, admit: { try await run.mayAsk(SteamSource.api.rawValue) },
            ask: { ids in try await self.ask(about: ids) })
    }

    private func ask(about ids: [Int64]) async throws -> [Int64: ItemAnswer] {
        var request = WebRequest(settings.api + "/ISteamRemoteStorage/GetPublishedFileDetails/v1/")
        request.method = .post
        request.headers = [("Content-Type", "application/x-www-form-urlencoded")]
        let fields = ids.sorted().enumerated().map { "&publishedfileids%5B\($0.offset)%5D=\($0.element)" }
        request.body = Array(("itemcount=\(ids.count)" + fields.joined()).utf8)
        request.timeLimit = Self.lookUpTimeMax
        request.redirectsMax = 0
        let answer = try await ask(.api, request)
        return try await reading(.api) { try ItemDetailsParser.parse(answer.body) }
    }

    /// What the store says of a game.
    /// - Throws: `SteamFailure`, `.gone` for one that it does not show; `CancellationError`.
    package func app(_ id: Int64, for run: Run) async throws -> StoreApp {
        try await checkRest(.store)
        var request = WebRequest(settings.store + "/api/appdetails?appids=\(id)&cc=tw&l=english")
        request.timeLimit = .seconds(15)
        request.admit = { _ in try await run.mayAsk(SteamSource.store.rawValue) }
        let answer = try await ask(.store, request)
        return try await reading(.store) { try StoreAppParser.parse(answer.body, app: id) }
    }

    /// What an item's page says, and the digest of the page.
    /// - Throws: `SteamFailure`, `.gone` when the page says that there is no such item; `CancellationError`.
    package func page(of id: Int64, for run: Run) async throws -> (page: ItemPage, sha256: [UInt8]) {
        try await checkRest(.community)
        var request = WebRequest(settings.community + "/sharedfiles/filedetails/?id=\(id)&l=english")
        request.timeLimit = .seconds(20)
        request.admit = { _ in try await run.mayAsk(SteamSource.community.rawValue) }
        let answer = try await ask(.community, request)
        let page = try await reading(.community) {
            try await ItemPageParser.parse(answer.body, of: id, charset: Self.charset(answer))
        }
        return (page, SHA256.digest(answer.body))
    }

    private static func charset(_ answer: WebAnswer) -> String? {
        guard let type = answer[header: "content-type"]?.lowercased(),
            let at = type.firstRange(of: "charset=")
        else { return nil }
        return String(type[at.upperBound...].prefix { $0 != ";" }.filter { $0 != "\"" })
    }

    // MARK: Manners

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
    private func ask(_ source: SteamSource, _ request: WebRequest) async throws -> WebAnswer {
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
    private func reading<T>(_ source: SteamSource, _ body: () async throws -> T) async throws -> T {
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
