import Front
import HTTPServer
import Jobs
import Platform
import Postgres
import Store
import TestSupport

/// A desk over a database of its own, asked without a socket.
struct DeskHouse: Sendable {
    let store: Store
    let desk: Desk
    let front: Front
    /// What the operator `ann` holds.
    let secret: String
    /// What the reader `rob` holds.
    let readerSecret: String
    let database: TestDatabase

    /// A desk over this store, with an operator and a reader of its own.
    static func over(_ store: Store, _ database: TestDatabase) -> DeskHouse {
        let (secret, token) = Token.new(name: "ann", role: .operator)
        let (readerSecret, reader) = Token.new(name: "rob", role: .reader)
        let desk = Desk(store: store, tokens: TokenBook([token, reader]))
        var settings = FrontSettings()
        settings.tokens = desk.tokens
        // The desk's pages, not the limits, are under test; those for log-ins stay.
        let plenty = Rate(count: 1_000_000, per: .seconds(1), burst: 1_000_000)
        settings.tokenReads = plenty
        settings.tokenWrites = plenty
        let front = Front(store: store, settings: settings, more: desk.routes, page: desk.face)
        return DeskHouse(
            store: store, desk: desk, front: front, secret: secret, readerSecret: readerSecret,
            database: database)
    }

    /// Asks as a browser or a program would.
    func ask(
        _ method: Method, _ target: String, bearer: String? = nil, cookie: String? = nil,
        form: [(String, String)] = [],
        headers: Headers = [:], peer: String = "127.0.0.1"
    ) async -> DeskAnswer {
        var headers = headers
        if headers["Host"] == nil { headers["Host"] = "localhost:8000" }
        if let bearer { headers["Authorization"] = "Bearer \(bearer)" }
        if let cookie { headers["Cookie"] = cookie }
        let body = form.map { "\(PercentText.encoded($0.0))=\(PercentText.encoded($0.1))" }.joined(
            separator: "&")
        if !body.isEmpty { headers["Content-Type"] = "application/x-www-form-urlencoded" }
        let halves = target.split(separator: "?", maxSplits: 1).map(String.init)
        let request = Request(
            method: method, path: halves[0], query: halves.count > 1 ? halves[1] : nil, headers: headers,
            peer: peer,
            contentLength: body.utf8.count
        ) { limit throws(BodyError) in
            guard body.utf8.count <= limit else { throw .tooLarge(limit: limit) }
            return Array(body.utf8)
        }
        return DeskAnswer(await front.handle(request))
    }

    /// Asks for a page with the operator's token.
    func page(_ target: String) async -> DeskAnswer { await ask(.get, target, bearer: secret) }

    /// Logs in and returns the cookie.
    func logIn() async throws -> String {
        let answer = await ask(
            .post, "/admin/login", form: [("token", secret)], headers: ["Sec-Fetch-Site": "same-origin"])
        guard answer.status == 303, let field = answer.headers["Set-Cookie"] else {
            throw Missing(description: "the log-in answered \(answer.status)")
        }
        return String(field.prefix { $0 != ";" })
    }

    /// Posts a form as the desk's own page would, with the proof of the session's pages.
    func post(_ target: String, cookie: String, _ form: [(String, String)] = []) async throws -> DeskAnswer {
        let proof = try await proof(cookie)
        return await ask(
            .post, target, cookie: cookie, form: form + [("proof", proof)],
            headers: ["Sec-Fetch-Site": "same-origin"])
    }

    /// As it stands in the forms of this session.
    func proof(_ cookie: String) async throws -> String {
        let page = await ask(.get, "/admin/queues", cookie: cookie)
        let mark = "name=\"proof\" value=\""
        guard let range = page.text.firstRange(of: mark) else {
            throw Missing(description: "no form in \(page.status) \(page.text.prefix(300))")
        }
        return String(page.text[range.upperBound...].prefix { $0 != "\"" })
    }

    func now() -> Int64 { WallClock.microseconds / 1_000_000 }

    func value<T: PostgresDecodable>(_ sql: SQL) async throws -> T {
        guard let row = try await store.database.run(sql).first else {
            throw Missing(description: "no row: \(sql.text)")
        }
        return try row.get(0)
    }

    func count(_ table: String) async throws -> Int {
        try await value("SELECT count(*) FROM motorpool.\(pasting: table)")
    }
}

/// An answer with its bytes read.
struct DeskAnswer: Sendable {
    let status: Int
    let headers: Headers
    let text: String

    init(_ response: Response) {
        status = response.status
        headers = response.headers
        if case .bytes(let bytes) = response.content {
            text = String(decoding: bytes, as: UTF8.self)
        } else {
            text = ""
        }
    }

    /// The value of a hidden field.
    func field(_ name: String) -> String? {
        guard let range = text.firstRange(of: "name=\"\(name)\" value=\"") else { return nil }
        return String(text[range.upperBound...].prefix { $0 != "\"" })
    }

    func json() throws -> JSONPart { try JSON(text: text).parts() }
}

private let turnstile = Turnstile(3)

func withDeskHouse(
    _ definitions: [Definition] = [Definition(kind: "note")], isStrict: Bool = false,
    _ body: (DeskHouse) async throws -> Void
) async throws {
    try await turnstile.pass {
        try await withMigratedDatabase {
            try await migrate($0)
        } _: { database in
            let store = Store(database.settings)
            let house = DeskHouse.over(store, database)
            do {
                try await house.desk.loadKey()
                try await store.publish(Definitions(isStrict ? definitions : definitions.map(\.open)))
                try await body(house)
            } catch {
                await store.close()
                throw error
            }
            await store.close()
        }
    }
}

private func migrate(_ settings: ConnectionSettings) async throws {
    _ = try await Schema.migrator.migrate(settings)
}
