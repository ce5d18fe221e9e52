internal import Front
internal import HTTPServer
internal import Jobs
internal import Postgres
internal import Store
internal import Workshop

/// The front behind its server, from the first accepted connection to the last answer.
final class Reception: Sendable {
    private let store: Store
    private let front: Front
    private let desk: Desk
    private let workshop: WorkshopRoutes
    private let server: HTTPServer
    private let log: Log

    /// How long answers in flight may take when the process ends.
    static let grace = Duration.seconds(10)
    /// Nobody waits longer than this for a connection to the database: he is told that it is away.
    private static let databaseWaitMax = Duration.seconds(2)

    init(_ settings: Settings, _ log: Log) {
        self.log = log
        let requests = RequestLog(log, tellsAll: settings.logsEveryRequest)
        var connection = settings.connection
        // Compiling a plan takes longer than any of the front's statements.
        connection.sessionSetup.append("SET jit = off")
        store = Store(
            connection, connectionsMax: settings.frontConnectionsMax, claimConnectionsMax: 1,
            waitMax: Reception.databaseWaitMax)
        let front = Reception.front(settings)
        var shop = WorkshopSettings(folder: settings.steam.folder)
        shop.readsMax = max(1, settings.frontConnectionsMax / 2)
        workshop = WorkshopRoutes(store.database, shop)
        let desk = Desk(store: store, tokens: front.tokens)
        self.desk = desk
        let engine = Front(store: store, settings: front, more: workshop.all + desk.routes, page: desk.face) {
            requests.tell($0)
        }
        self.front = engine
        server = HTTPServer(settings: settings.http) { await engine.handle($0) }
        engine.alsoMeasure { [server] in server.counts.write(to: &$0) }
    }

    private static func front(_ settings: Settings) -> FrontSettings {
        var front = settings.front
        front.version = VersionCommand.version
        front.anonymousRole = settings.anonymous ?? .anyone
        return front
    }

    /// - Throws: `BindFailure`.
    func open() throws -> BoundAddress {
        let address = try server.start()
        workshop.begin()
        // Nobody waits for the database here: without the key sessions are asked to log in again, which loads it.
        Task { _ = try? await desk.loadKey() }
        log.say(
            .info, "listening", "the front listens at \(address)", [("address", .string(address.description))]
        )
        let settings = front.settings
        let isUnix = address.host.hasPrefix("/")
        if settings.tokens.isEmpty, !isUnix, !settings.trustsLoopback, settings.anonymousRole == .anyone {
            log.say(
                .warning, "no_tokens",
                "no caller may enqueue jobs here: set MOTORPOOL_TOKENS (motorpool token new), or MOTORPOOL_ANONYMOUS"
            )
        }
        if settings.trustsLoopback, !isUnix {
            log.say(
                .warning, "trusts_loopback",
                "every program of this machine may enqueue jobs without a token (--trust-local); not for a front behind a proxy"
            )
        }
        return address
    }

    /// Whose tokens are accepted from now on.
    /// - Throws: `ConfigurationFaults` when none would be left: whoever is near would then be trusted at once.
    func reload(_ tokens: TokenBook) throws {
        let old = front.settings.tokens
        guard !tokens.isEmpty || old.isEmpty else {
            throw ConfigurationFaults(faults: [
                Fault(
                    file: "MOTORPOOL_TOKENS_FILE",
                    message: "no token would be left; to work without any, start the process anew")
            ])
        }
        old.replace(with: tokens.tokens)
    }

    /// Lets go who waits, answers what was asked, closes. Twice is once.
    func close() async {
        front.drain()
        await server.drain(within: Reception.grace)
        await workshop.statistics.close()
        await store.close()
    }
}

extension Counts {
    /// What the server counts, beside what the front does.
    fileprivate func write(to text: inout MetricsText) {
        text.gauge(
            "motorpool_http_connections", "Open connections of clients.", [([], Double(connectionsOpen))])
        text.counter(
            "motorpool_http_connections_total", "Connections accepted.", [([], Double(connectionsAccepted))])
        text.counter(
            "motorpool_http_connections_refused_total", "Connections turned away.",
            [([], Double(connectionsRefused))])
        text.counter("motorpool_http_sent_bytes_total", "Bytes of answers.", [([], Double(bytesOut))])
        text.counter(
            "motorpool_http_connections_cut_total", "Connections that ended before their time, by reason.",
            Cut.allCases.map { ([("reason", $0.rawValue)], Double(cuts[$0] ?? 0)) })
    }
}
