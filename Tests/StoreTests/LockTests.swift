import Jobs
import Platform
import Postgres
import Store
import TestSupport
import Testing

@Suite("Rows that another transaction holds")
struct LockTests {
    /// Runs `body` while an open transaction has done `statement`; it is rolled back.
    private func holding(_ statement: SQL, _ desk: Desk, _ body: () async throws -> Void) async throws {
        let stranger = try await Connection.open(desk.database.settings)
        try await stranger.run("BEGIN")
        try await stranger.run(statement)
        let result: Result<Void, any Error>
        do { result = .success(try await body()) } catch { result = .failure(error) }
        try await stranger.run("ROLLBACK")
        await stranger.close()
        try result.get()
    }

    private func locked(_ deed: () async throws -> Void) async -> LockedRow? {
        let error = await caught(deed)
        if case StoreError.locked(let row)? = error { return row }
        return nil
    }

    private let asking: SQL = "SELECT motorpool.enqueue('note', subject => 'S')"

    @Test("R6: an order says which row it met, leaves nothing behind, and succeeds once the row is free")
    func orders() async throws {
        try await withDesk { desk in
            let store = desk.store
            let job = try await store.enqueue(NewJob("note")).job
            let before = try await desk.everything()
            try await holding(asking, desk) {
                let subject = LockedRow.subject("S", kind: "note")
                let one = await locked { _ = try await store.enqueue(NewJob("note", subject: "S")) }
                #expect(one == subject)
                let jobs = (0..<30).map { NewJob("note", subject: $0 % 3 == 0 ? "T\($0)" : nil) }
                let many = await locked { _ = try await store.enqueue(jobs + [NewJob("note", subject: "S")]) }
                #expect(many == subject)
            }
            try await holding("SELECT 1 FROM motorpool.jobs FOR UPDATE", desk) {
                let plain = await locked { _ = try await store.cancel(job, reason: "r") }
                let noted = await locked { _ = try await store.cancel(job, reason: "r", by: ann) }
                let acted = await locked { _ = try await store.act(.cancel, on: [job], target: "t", by: ann) }
                #expect([plain, noted, acted] == [.job(job), .job(job), .job(job)])
            }
            #expect(try await desk.everything() == before)
            try await holding(
                "INSERT INTO motorpool.queues (name, paused_at) VALUES ('default', now())", desk
            ) {
                let paused = await locked { _ = try await store.pause(queue: "default", by: ann) }
                #expect(paused == .queue("default"))
            }
            #expect(try await desk.store.enqueue(NewJob("note", subject: "S")).verdict == .created)
            #expect(try await desk.store.pause(queue: "default", by: ann))
        }
    }

    @Test("R6: a known locked subject costs the connections of others nothing; the wait ends with the lock")
    func wait() async throws {
        try await withDesk { desk in
            let waiting = Lock<Task<Enqueued, any Error>?>(nil)
            try await holding(asking, desk) {
                _ = await locked { _ = try await desk.store.enqueue(NewJob("note", subject: "S")) }
                let task = Task { try await desk.store.enqueue(NewJob("note", subject: "S")) }
                waiting.withLock { $0 = task }
                try await eventually("it waits") {
                    try await desk.value(
                        "SELECT count(*) = 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
                    )
                }
            }
            let answer = try await waiting.withLock { $0 }?.value
            #expect(answer?.verdict == .created)
        }
    }

    @Test("R6: a follow-up whose subject is held fails its settlement at once, and nothing of it is kept")
    func followUp() async throws {
        try await withDesk { desk in
            let worker = try await desk.worker()
            let job = try await desk.running(by: worker)
            try await holding(asking, desk) {
                let start = BootClock.now
                for attempt in 0..<2 {
                    let error = await caught {
                        let followUp = NewJob("note", subject: "S")
                        if attempt == 0 {
                            try await desk.store.settle(
                                job.token, as: .finish(result: nil), enqueueing: [followUp])
                        } else {
                            try await desk.store.commit(job.token) { _ in
                                ((), result: nil, followUps: [followUp])
                            }
                        }
                    }
                    #expect((error as? PostgresError)?.sqlstate == "55P03")
                }
                #expect(BootClock.now - start < .seconds(1.5))
                let state = try await desk.state(of: job.id)
                #expect(state == .running)
            }
            try await desk.store.settle(
                job.token, as: .finish(result: nil), enqueueing: [NewJob("note", subject: "S")])
            #expect(try await desk.count("jobs") == 1)
        }
    }

    @Test("a schema whose session takes no writes is not ready, and the session is not used again")
    func readiness() async throws {
        try await withDesk { desk in
            #expect(try await desk.store.hasSchema())
            try await desk.store.database.run("SELECT 1")
            let open = desk.store.database.status.open
            try await desk.store.database.withConnection {
                _ = try await $0.run("SET default_transaction_read_only = on")
            }
            #expect(open > 0)
            // The server has told; the next statement finds another session.
            #expect(try await desk.store.hasSchema())
            try await desk.store.database.run("UPDATE motorpool.kinds SET kind = kind")
        }
    }
}
