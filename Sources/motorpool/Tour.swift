internal import Jobs
internal import Sandbox
internal import World

/// The transcript of a demo.
struct Tour {
    let front: String
    let sandbox: Sandbox
    /// An operator's.
    let token: String
    private let web: Web

    init(front: String, sandbox: Sandbox, token: String) {
        self.front = front
        self.sandbox = sandbox
        self.token = token
        var settings = WebSettings()
        settings.reach = .anywhere
        web = Web(settings: settings)
    }

    private static let mod = SandboxLibrary.firstID
    private static let failing = SandboxLibrary.firstID + 5
    /// As many as are fetched at once: three that Steam refuses, and one whose page is read first.
    private static let others: [(mod: Int64, troubles: [String])] = [
        (mod + 1, ["steamcmd:slow", "steamcmd:no-subscription"]),
        (mod + 2, ["steamcmd:slow", "steamcmd:no-subscription"]),
        (mod + 3, ["steamcmd:slow", "steamcmd:no-subscription"]),
        (mod + 15, ["steamcmd:slow"]),
    ]

    /// - Returns: whether everything went as it should.
    func run() async throws -> Bool {
        let isGood: Bool
        do { isGood = try await show() } catch {
            await web.close()
            throw error
        }
        await web.close()
        Console.print(
            """

            \(isGood ? "That was all of it." : "Something went wrong; see above.") To play yourself:
              ./run --sandbox                                   a farm with a sandbox, front at http://127.0.0.1:8000
              curl -i http://127.0.0.1:8000/download/steam/\(Self.mod)
              curl -s 'http://127.0.0.1:8000/condition/mod/%5B\(Self.mod)%5D'
              ./run help sandbox                                what can be made to go wrong
            """)
        return isGood
    }

    private func show() async throws -> Bool {
        // Slowly enough to be watched.
        turn("steamcmd:slow", for: Self.mod)
        try await askForOthers()
        heading(
            "1. A client asks for a mod that nobody has asked for before. Four others are being fetched just now."
        )
        let first = try await say("/download/steam/\(Self.mod)")
        heading("2. Another client asks at the same time. It is fetched once.")
        let second = try await say("/download/steam/\(Self.mod)")
        heading(
            "3. Both look how far it is: 3 in line, 2 being fetched, 1 usable (one page of Steam's is read each 6 s), 0 ready."
        )
        let end = try await follow(Self.mod)
        heading("4. The ZIP, with the title in the one form that its clients read.")
        let zip = try await ask("/download/\(Self.mod)")
        for name in ["Content-Type", "Content-Disposition", "Content-Length"] {
            line("   \(name): \(zip[header: name] ?? "-")")
        }
        for member in ZipDirectory.members(of: zip.body) {
            line("   \(member.name), \(member.bytes) bytes\(member.method == 12 ? ", bzip2" : "")")
        }
        heading("5. Asked for again it comes at once, and Steam is not asked.")
        let before = sandbox.counts
        let again = try await ask("/download/steam/\(Self.mod)")
        line(
            "   \(again.status), the same bytes: \(again.body == zip.body), Steam was asked: \(before != sandbox.counts)"
        )
        heading(
            "6. A mod whose download fails: it disappears, and the next request says that it was tried before."
        )
        turn("steamcmd:access-denied", for: Self.failing)
        _ = try await say("/download/steam/\(Self.failing)")
        let gone = try await follow(Self.failing)
        let retried = try await say("/download/steam/\(Self.failing)")
        heading("7. What the operators' desk shows of it, and what Steam was asked in all.")
        let dead = try await ask("/admin/api/dead?kind=steam-download", asOperator: true)
        line("   \(dead.status) \(text(dead).prefix(600))")
        line("   sandbox: \(sandbox.counts)".prefix(600).description)
        let words = text(first) + text(second) + text(retried)
        return end == 0 && gone == nil && again.body == zip.body && zip.status == 200
            && words.contains("\"error_id\":3") && words.contains("\"unsuccessful_attempts\":true")
    }

    /// - Returns: the last condition: 0, or `nil` when the mod is not there any more.
    private func follow(_ mod: Int64) async throws -> Int? {
        line("$ curl -s '\(front)/condition/mod/%5B\(mod)%5D'")
        var last = ""
        for step in 0..<600 {
            let now = text(try await ask("/condition/mod/%5B\(mod)%5D", isTold: false))
            if now != last { line("   \(now)   after \(Double(step) / 10) s") }
            last = now
            if now.hasSuffix(":0}") { return 0 }
            if now == "{}" { return nil }
            try await Task.sleep(for: .milliseconds(100))
        }
        return 3
    }

    private func askForOthers() async throws {
        try await withThrowingTaskGroup { group in
            for other in Self.others {
                for trouble in other.troubles { turn(trouble, for: other.mod) }
                group.addTask { _ = try await ask("/download/steam/\(other.mod)", isTold: false) }
            }
            try await group.waitForAll()
        }
    }

    private func turn(_ trouble: String, for mod: Int64) {
        if let trouble = SandboxSwitch(trouble) { sandbox.turn(trouble, for: mod) }
    }

    private func say(_ path: String) async throws -> WebAnswer {
        let answer = try await ask(path)
        line("   \(answer.status) \(text(answer).prefix(300))")
        return answer
    }

    private func ask(_ path: String, isTold: Bool = true, asOperator: Bool = false) async throws -> WebAnswer
    {
        if isTold {
            line("$ curl -s\(asOperator ? " -H \"Authorization: Bearer $TOKEN\"" : "") '\(front)\(path)'")
        }
        var request = WebRequest(front + path)
        if asOperator { request.headers = [("Authorization", "Bearer \(token)")] }
        return try await web.fetch(request)
    }

    private func text(_ answer: WebAnswer) -> String { String(decoding: answer.body, as: UTF8.self) }
    private func heading(_ text: String) { Console.print("\n\(text)") }
    private func line(_ text: String) { Console.print(text) }
}
