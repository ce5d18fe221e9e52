internal import Crypto
package import Farm
internal import Platform
internal import World

/// Asks Steam, no faster than it allows, whoever asks: look-ups together, each host by its budget, and a source that says
/// “too much” not at all for a while.
package final class SteamClient: Sendable {
    let settings: SteamSettings
    let requester: SteamRequester
    /// Look-ups wait for the budget together, and one request asks for all of them.
    private let lookUps: BatchLoader<Int64, ItemAnswer>

    static let lookUpsMax = 100
    private static let lookUpWaitersMax = 10_000
    private static let requestsMax = 16
    static let lookUpTimeMax = Duration.seconds(5)

    package init(_ settings: SteamSettings, _ catalogue: Catalogue) {
        self.settings = settings
        let requester = SteamRequester(web: Web(settings: Self.webSettings(settings)), catalogue: catalogue)
        self.requester = requester
        lookUps = BatchLoader(
            batchMax: Self.lookUpsMax, loadsMax: Self.requestsMax, waitersMax: Self.lookUpWaitersMax
        ) { ids in
            try await Self.ask(about: ids, at: settings.api, by: requester)
        }
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

    package func close() async { await requester.web.close() }

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
    /// - Throws: `SteamFailure`, transient for an item that the answer lacks; `CancellationError`.
    package func details(of id: Int64, for run: Run) async throws -> ItemAnswer {
        try await requester.checkRest(.api)
        let answer: ItemAnswer?
        do {
            answer = try await lookUps.value(of: id) { try await run.mayAsk(SteamSource.api.rawValue) }
        } catch WaitError.tooMany {
            throw SteamFailure.unreachable(.api, .busy)
        } catch is WaitError {
            throw SteamFailure.unreachable(.api, .closed)
        }
        guard let answer else {
            // The others of the same request have their answers: this is Steam's mood, not its layout.
            throw SteamFailure.unreadable(
                ParserFailure(ItemDetailsParser.version, .garbled, "item \(id) was not answered"))
        }
        return answer
    }

    private static func ask(
        about ids: [Int64], at base: String, by requester: SteamRequester
    ) async throws -> [Int64: ItemAnswer] {
        var request = WebRequest(base + "/ISteamRemoteStorage/GetPublishedFileDetails/v1/")
        request.method = .post
        request.headers = [("Content-Type", "application/x-www-form-urlencoded")]
        let fields = ids.sorted().enumerated().map { "&publishedfileids%5B\($0.offset)%5D=\($0.element)" }
        request.body = Array(("itemcount=\(ids.count)" + fields.joined()).utf8)
        request.timeLimit = Self.lookUpTimeMax
        request.redirectsMax = 0
        let answer = try await requester.ask(.api, request)
        return try await requester.reading(.api) { try ItemDetailsParser.parse(answer.body) }
    }

    /// What the store says of a game.
    /// - Throws: `SteamFailure`, `.gone` for one that it does not show; `CancellationError`.
    package func app(_ id: Int64, for run: Run) async throws -> StoreApp {
        try await requester.checkRest(.store)
        var request = WebRequest(settings.store + "/api/appdetails?appids=\(id)&cc=tw&l=english")
        request.timeLimit = .seconds(15)
        request.admit = { _ in try await run.mayAsk(SteamSource.store.rawValue) }
        let answer = try await requester.ask(.store, request)
        return try await requester.reading(.store) { try StoreAppParser.parse(answer.body, app: id) }
    }

    /// What an item's page says, and the digest of the page.
    /// - Throws: `SteamFailure`, `.gone` when the page says that there is no such item; `CancellationError`.
    package func page(of id: Int64, for run: Run) async throws -> (page: ItemPage, sha256: [UInt8]) {
        try await requester.checkRest(.community)
        var request = WebRequest(settings.community + "/sharedfiles/filedetails/?id=\(id)&l=english")
        request.timeLimit = .seconds(20)
        request.admit = { _ in try await run.mayAsk(SteamSource.community.rawValue) }
        let answer = try await requester.ask(.community, request)
        let page = try await requester.reading(.community) {
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
}
