import Glibc
import Platform
import TestSupport
import Testing

@Suite("A farm whose server takes no writes for a while")
struct ReadOnlyTests {
    private struct Running {
        let worker: Worker
        let client: RawClient
    }

    /// A farm and its front in one process.
    private func up(_ program: Program) async throws -> Running {
        let worker = try program.start([
            "up", "--port", "0", "--jobs", Checkout.path + "/jobs", "--log", "json",
        ])
        try await worker.says("listening")
        try await worker.says("started")
        let mark = "\"address\":\"http://127.0.0.1:"
        let text = worker.child.outputText
        guard let place = text.firstRange(of: mark),
            let port = UInt16(text[place.upperBound...].prefix { $0.isNumber })
        else { throw Broken(description: text) }
        return Running(worker: worker, client: RawClient(port: port))
    }

    /// A job that was asked for and is done.
    private func works(_ farm: Running) async throws -> Bool {
        let answer = try await farm.client.ask("POST", "/jobs?wait=2", #"{"kind":"noop"}"#)
        guard answer.status == 200 else { return false }
        return try await farm.client.ask("GET", "/health/ready").status == 200
    }

    /// Waits until nothing is accepted any more, and checks that it stays so for so long and is told truly.
    private func isRefused(_ farm: Running, for span: Duration) async throws {
        try await eventually("the front learns of it", within: .seconds(10)) {
            // Its first answer may be that the connections were cut.
            let answer = try await farm.client.ask("POST", "/jobs", #"{"kind":"noop"}"#)
            return answer.status == 503 && answer.body.contains("database_read_only")
        }
        let end = BootClock.now + span
        while BootClock.now < end {
            let answer = try await farm.client.ask("POST", "/jobs", #"{"kind":"noop"}"#)
            #expect(answer.status == 503 && answer.body.contains("database_read_only"), "\(answer.text)")
            #expect(answer.header("Retry-After") != nil)
            let ready = try await farm.client.ask("GET", "/health/ready")
            #expect(ready.status == 503 && ready.body.contains("database_read_only"), "\(ready.text)")
        }
    }

    /// Counted from the moment in which writes are taken again.
    private func returns(_ farm: Running) async throws {
        let start = BootClock.now
        try await eventually("everything works", within: .seconds(15)) { try await works(farm) }
        print("R3: worked again after \(BootClock.now - start)")
        for _ in 0..<20 { #expect(try await works(farm)) }
    }

    @Test("R3: an address that leads to a standby for five seconds is left, and found again by itself")
    func standby() async throws {
        try await ServerPair.with { pair in
            let program = Program(database: pair.url)
            let farm = try await up(program)
            defer { farm.worker.child.kill() }
            try await eventually("a first job") { try await works(farm) }

            pair.proxy.lead(to: pair.standbyPort)
            try await pair.cutSessions()
            try await isRefused(farm, for: .seconds(5))
            let doctor = try await program("doctor", "--jobs", Checkout.path + "/jobs")
            #expect(doctor.code == 1 && doctor.text.contains("is a standby"), "\(doctor.text)")
            #expect(
                !doctor.text.contains("✓ the server takes writes") && !doctor.text.contains("is a pooler"))
            let cancel = try await program("cancel", "1")
            #expect(cancel.code == 69 && cancel.text.contains("takes no writes"), "\(cancel.text)")
            pair.proxy.lead(to: pair.primaryPort)
            try await returns(farm)

            // The same by a setting of the database's.
            try await pair.onPrimary("ALTER DATABASE postgres SET default_transaction_read_only = on")
            try await pair.cutSessions()
            try await isRefused(farm, for: .seconds(3))
            let second = try await program("doctor", "--jobs", Checkout.path + "/jobs")
            #expect(
                second.code == 1 && second.text.contains("default_transaction_read_only is on"),
                "\(second.text)")
            try await pair.onPrimary(
                "ALTER DATABASE postgres RESET default_transaction_read_only"
            )
            try await returns(farm)
            #expect(!farm.worker.child.outputText.contains("INSERT INTO"))
            farm.worker.signal(SIGTERM)
            #expect(try await farm.worker.end() == .exited(0))
        }
    }
}
