internal import Jobs
internal import World

/// Asks a farm over HTTP, with patience that has a bound.
struct FarmCaller: Sendable {
    struct Answer {
        let status: Int
        let json: JSONPart?
        let retryAfter: Int?

        /// The member of the error that the front tells.
        func problem(_ name: String) -> JSONPart? { json?["error"]?[name] }

        var message: String {
            problem("message")?.string.map(Console.harmless) ?? "the farm answered \(status)"
        }
    }

    /// What is asked again when its answer got lost.
    enum Repeat {
        /// Asking twice is asking once.
        case safe
        case never
    }

    /// How long a farm that asks for patience gets it, all together.
    private static let patience = Duration.seconds(30)
    /// Between two attempts of which the first got no answer.
    private static let pauses: [Duration] = [
        .milliseconds(200), .milliseconds(500), .seconds(1), .seconds(2), .seconds(4), .seconds(8),
    ]
    private static let answerBytesMax = 64 << 20

    let address: WebAddress
    private let token: String?
    private let web: Web

    init(_ address: WebAddress, token: String?) {
        self.address = address
        self.token = token
        var settings = WebSettings()
        settings.userAgent = "motorpool/\(VersionCommand.version)"
        // An operator types the address; it may well be inside.
        settings.reach = .anywhere
        web = Web(settings: settings)
    }

    func close() async { await web.close() }

    /// - Parameters:
    ///   - wait: how long the farm itself may wait before it answers.
    ///   - isPatient: whether a farm that can't be reached is asked again, too.
    /// - Throws: `Refusal` when there is no answer, and for what is no answer to any question: no right, no time.
    func ask(
        _ method: WebRequest.Method, _ path: String, body: JSONText? = nil, key: String? = nil,
        wait: Duration = .zero, repeating: Repeat = .safe, isPatient: Bool = false
    ) async throws -> Answer {
        var request = WebRequest(target(path))
        request.method = method
        request.headers = [("Accept", "application/json")]
        if let token { request.headers.append(("Authorization", "Bearer \(token)")) }
        if let key { request.headers.append(("Idempotency-Key", key)) }
        if let body {
            request.headers.append(("Content-Type", "application/json"))
            request.body = Array(body.text.utf8)
        }
        request.redirectsMax = 0
        request.bytesMax = Self.answerBytesMax
        request.timeLimit = .seconds(60) + wait
        request.answerTimeLimit = .seconds(20) + wait
        request.slowSpan = .seconds(20)
        return try await answer(to: request, repeating, isPatient)
    }

    private func answer(
        to request: WebRequest, _ repeating: Repeat, _ isPatient: Bool
    ) async throws -> Answer {
        let end = ContinuousClock.now + Self.patience
        var attempt = 0
        // A farm that was there a moment ago is being started again, perhaps.
        var isPatient = isPatient
        while true {
            var pause = Duration.zero
            do {
                let answer = try await web.fetch(request)
                let told = Answer(
                    status: answer.status, json: try? JSON(answer.body).parts(),
                    retryAfter: answer[header: "retry-after"].flatMap { Int($0) })
                guard repeating == .safe, let wish = wish(told) else { return try judged(told, answer) }
                pause = wish
                guard ContinuousClock.now + pause < end else { throw later(told) }
            } catch let error as WebError {
                guard mayRepeat(error, repeating, isPatient), attempt < Self.pauses.count else {
                    throw unreachable(error)
                }
                if error.isTransient, repeating == .safe { isPatient = true }
                pause = Self.pauses[attempt]
            }
            attempt += 1
            try await Task.sleep(for: pause)
        }
    }

    /// How long the farm wants to be left alone, when it did nothing with the question.
    private func wish(_ answer: Answer) -> Duration? {
        switch answer.status {
        case 429: .seconds(max(1, answer.retryAfter ?? 1))
        case 503: .seconds(max(1, answer.retryAfter ?? 2))
        default: nil
        }
    }

    private func mayRepeat(_ error: WebError, _ repeating: Repeat, _ isPatient: Bool) -> Bool {
        switch error {
        // Nothing was asked; a farm that is not there is told at once.
        case .connect, .dns: isPatient
        case .timeout(.dns, _), .timeout(.connect, _), .timeout(.tls, _): isPatient
        default: error.isTransient && repeating == .safe
        }
    }

    // MARK: Words

    private func judged(_ answer: Answer, _ raw: WebAnswer) throws -> Answer {
        switch answer.status {
        case 401:
            let remedy = token == nil ? "; set MOTORPOOL_TOKEN or --token-file" : ""
            throw Refusal("\(farm) does not know you: \(answer.message)\(remedy)")
        case 429: throw later(answer)
        case 403: throw Refusal("\(farm) does not let you: \(answer.message)")
        case 301, 302, 303, 307, 308:
            let place = raw[header: "location"].map { Console.harmless($0) } ?? "elsewhere"
            throw Refusal("\(farm) sends to \(place): give that as --url", .configuration)
        case 500...:
            throw Refusal("\(farm) failed: \(answer.message)", .unavailable)
        default:
            guard answer.json != nil || answer.status == 204 else {
                throw Refusal(
                    "at \(place) answers something else than a farm (\(answer.status))", .unavailable)
            }
            return answer
        }
    }

    private func later(_ answer: Answer) -> Refusal {
        let seconds = answer.retryAfter.map { " in \($0) s" } ?? ""
        return Refusal("\(farm) wants to be asked later\(seconds): \(answer.message)", .temporary)
    }

    private func unreachable(_ error: WebError) -> Refusal {
        switch error {
        case .badURL: Refusal("\(error)", .usage)
        case .tooLarge, .protocol: Refusal("\(farm): \(error)", .unavailable)
        default: Refusal("\(farm) can't be reached: \(error)", .unavailable)
        }
    }

    private var place: String { "\(address.host):\(address.port)" }
    private var farm: String { "the farm at \(place)" }

    private func target(_ path: String) -> String {
        (address.text.hasSuffix("/") ? String(address.text.dropLast()) : address.text) + path
    }
}
