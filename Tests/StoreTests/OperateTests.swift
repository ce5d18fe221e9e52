import Jobs
import Postgres
import Store
import TestSupport
import Testing

@Suite("An operator")
struct OperateTests {
    @Test("who cancels a job that is not there is told so")
    func unknown() async throws {
        try await withDesk { desk async throws in
            #expect(try await desk.store.cancel(JobID(4711), reason: "x") == .unknown)
            #expect(try await desk.store.retry(JobID(4711), by: ann) == .unknown)
        }
    }

    enum Place: String, CaseIterable, Sendable { case ready, scheduled, held, running }

    @Test(
        "who cancels a job ends it wherever it stands, and hears whether it may have started",
        arguments: Place.allCases)
    func cancel(place: Place) async throws {
        try await withDesk([Definition { $0.limitPerKey = 1 }]) { desk in
            let worker = try await desk.worker()
            let id: JobID
            switch place {
            case .ready: id = try await desk.store.enqueue(NewJob("note", subject: "s")).job
            case .scheduled:
                id = try await desk.store.enqueue(NewJob("note", subject: "s", delay: .seconds(60))).job
            case .held:
                _ = try await desk.store.enqueue(NewJob("note", limitKey: "k"))
                id = try await desk.store.enqueue(NewJob("note", subject: "s", limitKey: "k")).job
            case .running: id = try await desk.running(NewJob("note", subject: "s"), by: worker).id
            }
            #expect(try await desk.state(of: id).map { "\($0)" } == place.rawValue)
            #expect(
                try await desk.store.cancel(id, reason: "no\0 need")
                    == .cancelled(mayHaveStarted: place == .running))
            #expect(try await desk.store.cancel(id, reason: "again") == .ended(.cancelled))
            let report = try #require(try await desk.store.job(id))
            #expect(report.state == .cancelled && report.reason == "no\u{FFFD} need")
            #expect(try await desk.store.condition(kind: "note", subject: "s")?.condition == "cancelled")
            #expect(try await desk.state(of: id) == nil)
        }
    }

    @Test("who cancels a job that has ended is told how")
    func ended() async throws {
        try await withDesk { desk in
            let worker = try await desk.worker()
            let done = try await desk.running(by: worker)
            try await desk.finish(done)
            #expect(try await desk.store.cancel(done.id, reason: "x") == .ended(.done))
            let dead = try await desk.running(by: worker)
            #expect(try await desk.settle(dead, .die(reason: .forGood, error: "x")))
            #expect(try await desk.store.cancel(dead.id, reason: "x") == .ended(.dead))
        }
    }

    @Test("whose cancel of a running job is told to every worker")
    func cancelIsHeard() async throws {
        try await withDesk { desk in
            let listener = Listener(desk.database.settings, channels: [Bell.cancelChannel])
            listener.start()
            defer { listener.close() }
            var events = listener.events.makeAsyncIterator()
            _ = await events.next()
            let waiting = try await desk.store.enqueue(NewJob("note", delay: .seconds(60))).job
            _ = try await desk.store.cancel(waiting, reason: "x")
            let running = try await desk.running(by: try await desk.worker())
            _ = try await desk.store.cancel(running.id, reason: "x")
            #expect(
                await events.next() == .notification(channel: Bell.cancelChannel, payload: "\(running.id)"))
        }
    }

    @Test(
        "who retries a dead or cancelled job puts it back under its own id, with a fresh count",
        arguments: [true, false])
    func retry(isDead: Bool) async throws {
        try await withDesk { desk in
            let worker = try await desk.worker()
            var job = try await desk.running(
                NewJob(
                    "note", args: "{\"a\": 1}", subject: "s", priority: .high, attemptsMax: 3, meta: "[2]"),
                by: worker)
            #expect(try await desk.settle(job, .retry(after: .zero, error: "one")))
            try await desk.comeDue()
            job = try await desk.claim(by: worker)[0]
            #expect(
                try await desk.settle(
                    job, isDead ? .die(reason: .attempts, error: "two") : .cancel(reason: "enough")))
            #expect(try await desk.store.retry(job.id, by: ann) == .retried)
            #expect(try await desk.store.retry(job.id, by: ann) == .notRetryable(.waiting))
            let again = try await desk.claim(by: worker)
            #expect(again.map(\.id) == [job.id])
            #expect(again[0].failures == 0 && again[0].token.run == 3 && again[0].attemptsMax == 3)
            #expect(
                again[0].args == "{\"a\": 1}" && again[0].meta == "[2]" && again[0].level == .returning(.high)
            )
            #expect(try await desk.store.condition(kind: "note", subject: "s")?.condition == "working")
            #expect(try await desk.store.job(job.id)?.errors?.description.contains("one") == true)
            #expect(try await desk.count("dead") == 0)
            #expect(try await desk.count("history") == 0)
        }
    }

    @Test("who retries a job that is not at its end, or ended well, is told where it stands")
    func notRetryable() async throws {
        try await withDesk { desk in
            let job = try await desk.running(by: try await desk.worker())
            #expect(try await desk.store.retry(job.id, by: ann) == .notRetryable(.running))
            try await desk.finish(job)
            #expect(try await desk.store.retry(job.id, by: ann) == .notRetryable(.done))
            let waiting = try await desk.store.enqueue(NewJob("note", delay: .seconds(60))).job
            #expect(try await desk.store.retry(waiting, by: ann) == .notRetryable(.waiting))
        }
    }

    @Test(
        "who retries a job whose subject is busy again is refused, and the dead one stays",
        arguments: [true, false])
    func busy(isDead: Bool) async throws {
        try await withDesk { desk in
            let worker = try await desk.worker()
            let job = try await desk.running(NewJob("note", subject: "s"), by: worker)
            #expect(
                try await desk.settle(job, isDead ? .die(reason: .forGood, error: "x") : .cancel(reason: "x"))
            )
            let other = try await desk.store.enqueue(NewJob("note", subject: "s")).job
            let before = try await desk.everything()
            let error = await caught { _ = try await desk.store.retry(job.id, by: ann) }
            guard case StoreError.busy(let sentence)? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(sentence.contains("“s”"))
            #expect(try await desk.everything() == before)
            _ = try await desk.store.cancel(other, reason: "x")
            #expect(try await desk.store.retry(job.id, by: ann) == .retried)
        }
    }

    @Test("whose retried job is limited waits for its place")
    func retryLimited() async throws {
        try await withDesk([Definition { $0.limitPerKey = 1 }]) { desk in
            let worker = try await desk.worker()
            let job = try await desk.running(NewJob("note", limitKey: "k"), by: worker)
            #expect(try await desk.settle(job, .die(reason: .forGood, error: "x")))
            let other = try await desk.running(NewJob("note", limitKey: "k"), by: worker)
            #expect(try await desk.store.retry(job.id, by: ann) == .retried)
            #expect(try await desk.state(of: job.id) == .held)
            try await desk.finish(other)
            #expect(try await desk.claim(by: worker).map(\.id) == [job.id])
        }
    }

    @Test("who pauses twice has paused once, and resumes once")
    func pause() async throws {
        try await withDesk { desk in
            try await desk.store.pause(queue: "default", by: ann)
            try await desk.store.pause(queue: "default", by: Operator(name: "bob"))
            #expect(try await desk.value("SELECT paused_by FROM motorpool.queues") as String == "ann")
            #expect(try await desk.store.resume(queue: "default", by: ann))
            #expect(try await desk.store.resume(queue: "default", by: ann) == false)
            #expect(try await desk.store.resume(queue: "never", by: ann) == false)
            try await desk.store.pause(queue: "side", by: ann)
            #expect(try await desk.store.queueNames() == ["default", "side"])
        }
    }

    @Test("whose pause leaves what runs alone")
    func pauseRunning() async throws {
        try await withDesk { desk async throws in
            let job = try await desk.running(by: try await desk.worker())
            try await desk.store.pause(queue: "default", by: ann)
            try await desk.finish(job)
            #expect(try await desk.told(job.id) == .done)
        }
    }

    @Test("what is done by hand stands in the ledger once, and what came to nothing does not")
    func ledger() async throws {
        try await withDesk { desk in
            let job = try await desk.store.enqueue(NewJob("note")).job
            #expect(
                try await desk.store.cancel(job, reason: "enough", by: ann)
                    == .cancelled(mayHaveStarted: false))
            #expect(try await desk.store.cancel(job, reason: "enough", by: ann) == .ended(.cancelled))
            #expect(try await desk.store.retry(job, by: ann) == .retried)
            #expect(try await desk.store.retry(job, by: ann) == .notRetryable(.waiting))
            try await desk.store.pause(queue: "default", by: ann)
            try await desk.store.pause(queue: "default", by: ann)
            try await desk.store.resume(queue: "default", by: ann)
            try await desk.store.resume(queue: "default", by: ann)
            // A client's own cancel is no operator's.
            _ = try await desk.store.cancel(job, reason: "enough")
            let entries = try await desk.store.audit(limit: 10).reversed()
            #expect(
                entries.map { "\($0.actor): \($0.action) \($0.target)" } == [
                    "ann: cancel job \(job)", "ann: retry job \(job)", "ann: pause queue default",
                    "ann: resume queue default",
                ])
        }
    }
}
