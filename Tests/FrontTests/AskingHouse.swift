import Crypto
import Front
import HTTPServer
import Jobs
import Platform
import Postgres
import Store
import TestSupport
import Testing

/// A front with the operators' desk, a kind of each policy, and a caller of each role.
struct AskingHouse: Sendable {
    /// Who asks: every row of the table of roles.
    enum Visitor: String, CaseIterable, Sendable {
        case none
        case wrong
        case reader
        /// Asked for the job.
        case asker
        /// Another producer.
        case producer
        case `operator`
        case money

        var role: Role {
            switch self {
            case .none, .wrong: .anyone
            case .reader: .reader
            case .asker, .producer: .producer
            case .operator: .operator
            case .money: .money
            }
        }
    }

    let store: Store
    let front: Front
    let secrets: [Visitor: String]

    /// A kind of every combination of who asks and who sees that a policy file accepts.
    static let definitions: [Definition] = AskedBy.allCases.flatMap { askedBy in
        SeenBy.allCases.compactMap { seenBy in
            let text = "asked_by = \(askedBy.rawValue)\nseen_by = \(seenBy.rawValue)\n"
            let file = DefinitionFile(
                kind: "\(askedBy.rawValue)-\(seenBy.rawValue)", file: "test.conf", text: text)
            return file.faults.isEmpty ? file.definition : nil
        }
    }

    /// Who puts the jobs of a kind in line: a caller that may, or else code for the asker.
    static func maker(of definition: Definition) -> Visitor? {
        switch definition.askedBy {
        case .nobody: nil
        case .producer: .asker
        case .operator: .operator
        case .money: .money
        }
    }

    func ask(
        _ method: Method, _ target: String, _ body: String = "", by visitor: Visitor,
        peer: String = "192.0.2.7"
    ) async -> House.Answer {
        var headers: Headers = ["Host": "localhost:8000"]
        if let secret = secrets[visitor] { headers["Authorization"] = "Bearer \(secret)" }
        let bytes = Array(body.utf8)
        let halves = target.split(separator: "?", maxSplits: 1).map(String.init)
        let request = Request(
            method: method, path: halves[0], query: halves.count > 1 ? halves[1] : nil, headers: headers,
            peer: peer, contentLength: bytes.count
        ) { limit throws(BodyError) in
            guard bytes.count <= limit else { throw .tooLarge(limit: limit) }
            return bytes
        }
        let response = await front.handle(request)
        guard case .bytes(let content) = response.content else {
            return House.Answer(response: response, bytes: [])
        }
        return House.Answer(response: response, bytes: content)
    }

    /// A waiting job of a kind, as the asker or another who may has asked for it; of the others code has asked.
    func put(_ definition: Definition) async throws -> JobID {
        let secret = "hidden-\(definition.kind)"
        guard let maker = AskingHouse.maker(of: definition) else {
            return try await store.enqueue(
                NewJob(definition.kind, args: JSON(text: "{\"pin\":\"\(secret)\"}"))
            ).job
        }
        let answer = await ask(
            .post, "/jobs", "{\"kind\":\"\(definition.kind)\",\"args\":{\"pin\":\"\(secret)\"}}", by: maker)
        guard answer.status == 202, let id = answer.id else { throw Missing(description: answer.text) }
        return JobID(id)
    }
}

private let turnstile = Turnstile(2)

func withAskingHouse(
    _ definitions: [Definition] = AskingHouse.definitions, extra: [Token] = [],
    _ change: (inout FrontSettings) -> Void = { _ in },
    _ body: (AskingHouse) async throws -> Void
) async throws {
    var secrets: [AskingHouse.Visitor: String] = [.wrong: "mp_wrong"]
    var tokens = extra
    for visitor in AskingHouse.Visitor.allCases where visitor.role != .anyone {
        let (secret, token) = Token.new(name: "the-\(visitor.rawValue)", role: visitor.role)
        secrets[visitor] = secret
        tokens.append(token)
    }
    var settings = FrontSettings()
    settings.cacheSpan = .zero
    settings.tokens = TokenBook(tokens)
    let plenty = Rate(count: 1_000_000, per: .seconds(1), burst: 1_000_000)
    (settings.anonymousReads, settings.anonymousWrites, settings.logIns) = (plenty, plenty, plenty)
    (settings.tokenReads, settings.tokenWrites) = (plenty, plenty)
    change(&settings)
    try await turnstile.pass {
        try await withMigratedDatabase(migrate: { _ = try await Schema.migrator.migrate($0) }) { database in
            let store = Store(database.settings)
            let desk = Desk(store: store, tokens: settings.tokens)
            let front = Front(store: store, settings: settings, more: desk.routes, page: desk.face)
            do {
                try await desk.loadKey()
                try await store.publish(Definitions(definitions))
                try await body(AskingHouse(store: store, front: front, secrets: secrets))
            } catch {
                await store.close()
                throw error
            }
            await store.close()
        }
    }
}
