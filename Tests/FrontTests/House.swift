import Crypto
import FoundationEssentials
import Front
import HTTPServer
import Jobs
import Platform
import Postgres
import Store
import TestSupport
import Testing

/// A front on a database of its own, asked without a socket.
struct House: Sendable {
    let database: TestDatabase
    let store: Store
    let front: Front
    let secrets: [Role: String]
    let events: Lock<[FrontEvent]>

    struct Answer: Sendable {
        let response: Response
        let bytes: [UInt8]

        var status: Int { response.status }
        var text: String { String(decoding: bytes, as: UTF8.self) }
        var json: JSONPart? { try? JSON(bytes).parts() }
        func header(_ name: String) -> String? { response.headers[name] }
        /// A word of the problem's, such as `code`.
        func problem(_ name: String) -> String? { json?["error"]?[name]?.string }
        var code: String? { problem("code") }
        var id: Int64? { json?["id"].flatMap { Int64($0.json.description) } }
        var state: String? { json?["state"]?.string }
    }

    /// Asks, and checks that the status is one of those that the documents name.
    @discardableResult
    func ask(
        _ method: Method, _ target: String, _ body: String? = nil, as role: Role? = nil,
        headers: Headers = [:],
        peer: String = "127.0.0.1"
    ) async -> Answer {
        var headers = headers
        if let role { headers["Authorization"] = "Bearer \(secrets[role] ?? "")" }
        return await ask(method, target, bytes: Array((body ?? "").utf8), headers: headers, peer: peer)
    }

    func ask(_ method: Method, _ target: String, bytes: [UInt8], headers: Headers, peer: String) async
        -> Answer
    {
        let halves = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false).map(
            String.init)
        let request = Request(
            method: method, path: halves[0], query: halves.count > 1 ? halves[1] : nil, headers: headers,
            peer: peer,
            contentLength: bytes.count
        ) { limit throws(BodyError) in
            guard bytes.count <= limit else { throw .tooLarge(limit: limit) }
            return bytes
        }
        let response = await front.handle(request)
        if case .found(let route, _) = front.router.match(method, halves[0]) {
            let documented = route.documentedAnswers.map(\.status)
            #expect(
                documented.contains(response.status), "\(method) \(route.pattern) answered \(response.status)"
            )
        }
        guard case .bytes(let content) = response.content else {
            return Answer(response: response, bytes: [])
        }
        return Answer(response: response, bytes: content)
    }

    /// Puts a job in line over HTTP.
    func put(_ body: String = #"{"kind":"note"}"#, as role: Role? = nil, headers: Headers = [:]) async throws
        -> JobID
    {
        let answer = await ask(.post, "/jobs", body, as: role, headers: headers)
        guard answer.status == 202, let id = answer.id else { throw Missing(description: answer.text) }
        return JobID(id)
    }

    /// Enters a worker that knows these kinds.
    func worker(_ kinds: [String] = ["note"], stats: String? = nil) async throws -> WorkerID {
        let rows = try await store.database.run(
            Lease.register(name: "tester", queues: ["default"], kinds: kinds, seconds: 600))
        let worker = WorkerID(try rows[0].get(0))
        if let stats {
            try await store.database.run(
                Lease.renew(worker, seconds: 600, draining: false, stats: JSON(text: stats)))
        }
        return worker
    }

    func claim(_ limit: Int = 100, by worker: WorkerID, kinds: [String] = ["note"]) async throws
        -> [ClaimedJob]
    {
        let claim = Claim(
            queue: "default", kinds: kinds, worker: worker, limit: limit,
            watermarks: Watermarks(levels: Level.ordinary))
        return try await store.settle(plain: [], andClaim: claim).jobs
    }

    func settle(_ job: ClaimedJob, _ settlement: Settlement) async throws {
        guard try await store.settle([(job.token, settlement)])[0] else {
            throw Missing(description: "not settled")
        }
    }

    /// Checks how many rows a table of the queue's has.
    func expect(_ table: String, count expected: Int, at place: SourceLocation = #_sourceLocation)
        async throws
    {
        let count: Int = try await store.database.run("SELECT count(*) FROM motorpool.\(pasting: table)")[0]
            .get(0)
        #expect(count == expected, "rows of \(table)", sourceLocation: place)
    }
}

struct Missing: Error, CustomStringConvertible {
    let description: String
}

private let turnstile = Turnstile(6)

extension Definition {
    /// The same, for any producer to ask for, choose and see: most tests are about something else.
    var open: Definition {
        var it = self
        (it.askedBy, it.callersChoose, it.seenBy) = (.producer, Set(CallerChoice.allCases), .reader)
        return it
    }
}

/// Lends a front. Kinds are open to producers unless `isStrict`. Callers of this machine are producers unless `change` says otherwise; each role has a token.
func withHouse(
    _ definitions: [Definition] = [Definition(kind: "note")],
    _ change: (inout FrontSettings) -> Void = { _ in }, isStrict: Bool = false,
    _ body: (House) async throws -> Void
) async throws {
    var settings = FrontSettings()
    settings.trustsLoopback = true
    settings.lookInterval = .milliseconds(10)
    settings.cacheSpan = .zero
    var secrets: [Role: String] = [:]
    var tokens: [Token] = []
    for role in Role.allCases where role != .anyone {
        let (secret, token) = Token.new(name: "the-\(role.rawValue)", role: role)
        secrets[role] = secret
        tokens.append(token)
    }
    settings.tokens = TokenBook(tokens)
    change(&settings)
    try await turnstile.pass {
        try await withMigratedDatabase(
            migrate: { _ = try await Schema.migrator.migrate($0) },
            { database in
                let store = Store(database.settings, connectionsMax: 6, waitMax: .seconds(2))
                let events = Lock<[FrontEvent]>([])
                let front = Front(store: store, settings: settings) { event in
                    events.withLock { $0.append(event) }
                }
                do {
                    try await store.publish(Definitions(isStrict ? definitions : definitions.map(\.open)))
                    try await body(
                        House(
                            database: database, store: store, front: front, secrets: secrets, events: events))
                } catch {
                    await store.close()
                    throw error
                }
                await store.close()
            })
    }
}

/// Takes what a stream writes.
final class Ear: BodyWriter {
    private let heard = Lock<[UInt8]>([])

    var text: String { String(decoding: heard.withLock { $0 }, as: UTF8.self) }

    func write(_ bytes: [UInt8]) async throws {
        try Task.checkCancellation()
        heard.withLock { $0 += bytes }
    }
}
