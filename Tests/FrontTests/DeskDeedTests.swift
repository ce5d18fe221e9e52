import Front
import HTTPServer
import Jobs
import Postgres
import Store
import Testing

@Suite("At the desk an operator")
struct DeskDeedTests {
    private func kill(
        _ house: DeskHouse, _ count: Int = 1, kind: String = "note", error: String = "boom\nat line 2"
    ) async throws {
        for _ in 0..<count { _ = try await house.store.enqueue(NewJob(kind)) }
        try await house.store.database.run(
            "SELECT motorpool.depart(j, 'dead', NULL, \(error), 'attempts') FROM motorpool.jobs j WHERE kind = \(kind)"
        )
        try await house.store.database.run("DELETE FROM motorpool.jobs WHERE kind = \(kind)")
    }

    private func state(_ house: DeskHouse, _ job: JobID) async throws -> ToldState? {
        try await house.store.job(job)?.state
    }

    @Test("cancels, retries and discards a job, each noted once")
    func oneJob() async throws {
        try await withDeskHouse { house in
            let cookie = try await house.logIn()
            let job = try await house.store.enqueue(NewJob("note")).job
            let first = try await house.post("/admin/jobs/\(job)/cancel", cookie: cookie)
            #expect(
                first.status == 303
                    && first.headers["Location"]?.hasPrefix("/admin/jobs/\(job)?flash=cancel.1.") == true)
            #expect(try await state(house, job) == .cancelled)
            let again = try await house.post("/admin/jobs/\(job)/cancel", cookie: cookie)
            #expect(again.headers["Location"]?.hasPrefix("/admin/jobs/\(job)?flash=nothing.") == true)
            _ = try await house.post("/admin/jobs/\(job)/retry", cookie: cookie)
            #expect(try await state(house, job) == .waiting)
            try await house.store.database.run(
                "SELECT motorpool.depart(j, 'dead', NULL, 'x', 'attempts') FROM motorpool.jobs j")
            try await house.store.database.run("DELETE FROM motorpool.jobs")
            _ = try await house.post("/admin/jobs/\(job)/discard", cookie: cookie)
            #expect(try await house.count("dead") == 0)
            #expect(try await house.store.job(job)?.reason == "attempts; discarded by ann")
            let noted = try await house.store.audit(limit: 10)
            #expect(noted.map(\.action) == ["discard", "retry", "cancel", "log in"])
            #expect(noted.allSatisfy { $0.actor == "ann" && $0.address == "127.0.0.1" && $0.count == 1 })
            #expect(noted[0].target == "job \(job)")
        }
    }

    @Test("releases a recovered job by its button and by the API, each noted, and no other job")
    func release() async throws {
        try await withDeskHouse { house in
            let cookie = try await house.logIn()
            let jobs = try await house.store.enqueue([NewJob](repeating: NewJob("note"), count: 3)).map(\.job)
            try await house.store.database.run(
                "UPDATE motorpool.jobs SET level = -1, deaths = '{7,8}' WHERE id <> \(jobs[2].number)")
            let page = await house.page("/admin/jobs/\(jobs[0])").text
            #expect(page.contains("/admin/jobs/\(jobs[0])/release") && page.contains("Worker deaths"))
            #expect(await !house.page("/admin/jobs/\(jobs[2])").text.contains("/release"))
            let first = try await house.post("/admin/jobs/\(jobs[0])/release", cookie: cookie)
            #expect(first.headers["Location"]?.hasPrefix("/admin/jobs/\(jobs[0])?flash=release.1.") == true)
            let again = try await house.post("/admin/jobs/\(jobs[0])/release", cookie: cookie)
            #expect(again.headers["Location"]?.hasPrefix("/admin/jobs/\(jobs[0])?flash=nothing.") == true)
            let api = "/admin/api/jobs/\(jobs[1])/release"
            #expect(await house.ask(.post, api, bearer: house.secret).status == 200)
            #expect(await house.ask(.post, api, bearer: house.secret).status == 409)
            for job in jobs { #expect(try await house.store.job(job)?.workerDeaths == 0) }
            let noted = try await house.store.audit(limit: 10)
            #expect(noted.map(\.action) == ["release", "release", "log in"])
        }
    }

    @Test("pauses any queue that an enqueue takes, and resumes one that there is")
    func queue() async throws {
        try await withDeskHouse { house in
            let cookie = try await house.logIn()
            _ = try await house.post("/admin/queues/default/pause", cookie: cookie)
            #expect(try await house.store.pausedQueues().queues.map(\.by) == ["ann"])
            _ = try await house.post("/admin/queues/default/pause", cookie: cookie)
            _ = try await house.post("/admin/queues/default/resume", cookie: cookie)
            #expect(try await house.store.pausedQueues().queues.isEmpty)
            for path in ["/admin/queues/nowhere/resume", "/admin/queues/No%20name/pause"] {
                #expect(try await house.post(path, cookie: cookie).status == 404)
            }
            #expect(try await house.store.audit(limit: 10).map(\.action) == ["resume", "pause", "log in"])
            _ = try await house.post("/admin/queues/later/pause", cookie: cookie)
            #expect(try await house.store.pausedQueues().queues.map(\.queue) == ["later"])
            #expect(await house.page("/admin/queues/later").text.contains("paused"))
        }
    }

    @Test("sees the count before a bulk action, which then does no more than that")
    func bulk() async throws {
        try await withDeskHouse { house in
            let cookie = try await house.logIn()
            try await kill(house, 7)
            let dry = await house.ask(.get, "/admin/bulk?action=retry&place=dead&kind=note", cookie: cookie)
            #expect(dry.status == 200 && dry.text.contains("Retry 7 jobs?"))
            #expect(try await house.count("dead") == 7)
            // Died after the count: not what was confirmed.
            try await kill(house, 2)
            let terms = ["place", "kind", "action", "count", "first", "last", "confirm"].map {
                ($0, dry.field($0) ?? "")
            }
            let done = try await house.post("/admin/bulk", cookie: cookie, terms)
            #expect(done.status == 303)
            #expect(
                done.headers["Location"]?.hasPrefix("/admin/jobs?place=dead&kind=note&flash=retry.7.") == true
            )
            #expect(try await house.count("dead") == 2)
            let noted = try await house.store.audit(limit: 1)
            #expect(noted.first?.count == 7 && noted.first?.target == "dead jobs of kind note")
            let twice = try await house.post("/admin/bulk", cookie: cookie, terms)
            #expect(
                twice.headers["Location"]?.hasPrefix("/admin/jobs?place=dead&kind=note&flash=retry.0.")
                    == true)
            #expect(try await house.count("dead") == 2)
        }
    }

    @Test("can't confirm another filter, count, action or session than was shown")
    func confirmations() async throws {
        try await withDeskHouse { house in
            let cookie = try await house.logIn()
            try await kill(house, 3)
            let dry = await house.ask(.get, "/admin/bulk?action=retry&place=dead", cookie: cookie)
            let terms = ["place", "action", "count", "first", "last", "confirm"].map {
                ($0, dry.field($0) ?? "")
            }
            func with(_ name: String, _ value: String) -> [(String, String)] {
                terms.filter { $0.0 != name } + [(name, value)]
            }
            let other = try await house.logIn()
            for changed in [
                with("action", "discard"), with("count", "4"), with("last", "999999"), with("kind", "note"),
                with("confirm", "9999999999.00"), with("confirm", ""),
            ] {
                let answer = try await house.post("/admin/bulk", cookie: cookie, changed)
                #expect(answer.status == 409)
            }
            let foreign = try await house.post("/admin/bulk", cookie: other, terms)
            #expect(foreign.status == 409)
            #expect(try await house.count("dead") == 3)
        }
    }

    @Test("cancels in bulk more than one transaction holds, every batch noted")
    func batches() async throws {
        try await withDeskHouse { house in
            let jobs = (0..<600).map { _ in NewJob("note") }
            _ = try await house.store.enqueue(jobs)
            let dry = try await house.page("/admin/api/bulk?action=cancel&place=live").json()
            func text(_ name: String) -> String { dry[name]?.string ?? dry[name]?.json.description ?? "" }
            #expect(text("count") == "600" && text("is_more") == "false")
            let path =
                "/admin/api/bulk?action=cancel&place=live&count=600&first=\(text("first"))&last=\(text("last"))&confirm=\(text("confirm"))"
            let done = await house.ask(.post, path, bearer: house.secret)
            #expect(done.text == #"{"changed":600}"#)
            #expect(try await house.count("jobs") == 0)
            #expect(try await house.store.audit(limit: 10).map(\.count).reduce(0, +) == 600)
        }
    }

    @Test("leaves a busy subject's job dead and retries the others")
    func busy() async throws {
        try await withDeskHouse { house in
            let first = try await house.store.enqueue(NewJob("note", subject: "s")).job
            try await house.store.database.run(
                "SELECT motorpool.depart(j, 'dead', NULL, 'x', 'attempts') FROM motorpool.jobs j")
            try await house.store.database.run("DELETE FROM motorpool.jobs")
            _ = try await house.store.enqueue(NewJob("note", subject: "s"))
            let second = try await house.store.enqueue(NewJob("note", subject: "t")).job
            try await house.store.database.run(
                "SELECT motorpool.depart(j, 'dead', NULL, 'x', 'attempts') FROM motorpool.jobs j WHERE id = \(second.number)"
            )
            try await house.store.database.run("DELETE FROM motorpool.jobs WHERE id = \(second.number)")
            let changed = try await house.store.act(
                .retry, on: [first, second], target: "both", by: Operator(name: "ann", address: nil))
            #expect(changed == 1)
            #expect(try await state(house, first) == .dead)
            #expect(try await state(house, second) == .waiting)
        }
    }

    @Test("acts over JSON with a token, and is told what can't be done")
    func programs() async throws {
        try await withDeskHouse { house in
            let job = try await house.store.enqueue(NewJob("note")).job
            let retry = await house.ask(.post, "/admin/api/jobs/\(job)/retry", bearer: house.secret)
            #expect(retry.status == 409)
            let cancel = await house.ask(.post, "/admin/api/jobs/\(job)/cancel", bearer: house.secret)
            #expect(cancel.status == 200)
            let unknown = await house.ask(.post, "/admin/api/jobs/4711/cancel", bearer: house.secret)
            #expect(unknown.status == 404)
            let cookie = try await house.logIn()
            let session = await house.ask(
                .post, "/admin/api/queues/default/pause", cookie: cookie,
                headers: ["Sec-Fetch-Site": "same-origin"])
            #expect(session.status == 403)
            #expect(try await house.store.pausedQueues().queues.isEmpty)
        }
    }

    @Test("reads in the ledger what nobody can change or remove")
    func ledger() async throws {
        try await withDeskHouse { house in
            try await house.store.note("test", "desk", by: Operator(name: "ann", address: nil))
            for statement: SQL in [
                "UPDATE motorpool.audit SET actor = 'x'", "DELETE FROM motorpool.audit",
                "TRUNCATE motorpool.audit",
            ] {
                var refused = false
                do { try await house.store.database.run(statement) } catch { refused = true }
                #expect(refused, "\(statement.text)")
            }
            #expect(try await house.store.audit(limit: 10).count == 1)
            #expect(try await house.store.trimAudit() == 0)
        }
    }

    @Test("finds a sample a minute, with what the workers did since the one before")
    func samples() async throws {
        try await withDeskHouse { house in
            let rows = try await house.store.database.run(
                Lease.register(name: "w", queues: ["default"], kinds: ["note"], seconds: 600))
            let worker = WorkerID(try rows[0].get(0))
            func tell(_ done: Int) async throws {
                try await house.store.database.run(
                    Lease.renew(
                        worker, seconds: 600, draining: false,
                        stats: JSON(text: "{\"pools\":{\"default\":{\"done\":\(done),\"failed\":1}}}")))
            }
            try await tell(5)
            _ = try await house.store.enqueue(NewJob("note"))
            #expect(try await house.store.takeSample())
            #expect(try await !house.store.takeSample())
            try await house.store.database.run(
                "UPDATE motorpool.samples SET minute = minute - interval '1 minute'")
            try await tell(25)
            #expect(try await house.store.takeSample())
            let samples = try await house.store.samples(of: "default")
            #expect(samples.map(\.depth) == [1, 1])
            #expect(samples.map(\.done) == [5, 20])
            #expect(samples.map(\.failed) == [1, 0])
            let page = await house.page("/admin")
            #expect(
                page.text.contains("<rect class=\"done\"") && page.text.contains("<polygon class=\"depth\""))
        }
    }
}
