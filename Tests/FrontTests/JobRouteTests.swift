import Front
import HTTPServer
import Jobs
import Platform
import Postgres
import Store
import TestSupport
import Testing

@Suite struct JobRouteTests {
    @Test("a job is accepted with its address, and the same key is the same job")
    func idempotency() async throws {
        try await withHouse { house in
            let body = #"{"kind":"note","args":{"n":1}}"#
            let first = await house.ask(.post, "/jobs", body, headers: ["Idempotency-Key": "a"])
            #expect(first.status == 202)
            #expect(first.json?["verdict"]?.string == "created")
            let id = try #require(first.id)
            #expect(first.header("Location") == "/jobs/\(id)")
            let again = await house.ask(.post, "/jobs", body, headers: ["Idempotency-Key": "a"])
            #expect(again.status == 202)
            #expect(again.id == id)
            #expect(again.json?["verdict"]?.string == "duplicate")
            let spaced = await house.ask(
                .post, "/jobs", #" {"args": {"n":1}, "kind":"note"}"#, headers: ["Idempotency-Key": "a"])
            #expect(spaced.id == id, "the order of members says nothing")
            let other = await house.ask(
                .post, "/jobs", #"{"kind":"note","args":{"n":2}}"#, headers: ["Idempotency-Key": "a"])
            #expect(other.status == 422)
            #expect(other.code == "key_reused")
            try await house.expect("jobs", count: 1)
        }
    }

    @Test("a key is the same key in the header and in the body")
    func keyByMember() async throws {
        try await withHouse { house in
            let id = try await house.put(headers: ["Idempotency-Key": "a"])
            let member = await house.ask(.post, "/jobs", #"{"kind":"note","key":"a"}"#)
            #expect(member.id == id.number)
            #expect(member.json?["verdict"]?.string == "duplicate")
            let other = await house.ask(.post, "/jobs", #"{"kind":"note","key":"a","args":{"n":2}}"#)
            #expect(other.status == 422)
            let fresh = try #require(await house.ask(.post, "/jobs", #"{"kind":"note","key":"b"}"#).id)
            #expect(try await house.put(headers: ["Idempotency-Key": "b"]).number == fresh)
        }
    }

    @Test("keys of two callers never meet")
    func scope() async throws {
        try await withHouse { house in
            let key: Headers = ["Idempotency-Key": "a"]
            let one = try await house.put(headers: key)
            let other = try await house.put(as: .producer, headers: key)
            #expect(one != other)
            #expect(try await house.put(as: .producer, headers: key) == other)
        }
    }

    @Test("sixty-four at once with one key are one job")
    func storm() async throws {
        try await withHouse { house in
            let answers = await withTaskGroup(of: House.Answer.self) { group in
                for _ in 0..<64 {
                    group.addTask {
                        await house.ask(
                            .post, "/jobs", #"{"kind":"note"}"#, headers: ["Idempotency-Key": "storm"])
                    }
                }
                return await group.reduce(into: [House.Answer]()) { $0.append($1) }
            }
            #expect(answers.map(\.status) == [Int](repeating: 202, count: 64))
            #expect(Set(answers.map(\.id)).count == 1)
            #expect(answers.count { $0.json?["verdict"]?.string == "created" } == 1)
            try await house.expect("jobs", count: 1)
        }
    }

    @Test("an array is accepted whole, and its key holds for all of it")
    func many() async throws {
        try await withHouse { house in
            let three = #"[{"kind":"note"},{"kind":"note","args":[1]},{"kind":"note","subject":"s"}]"#
            let first = await house.ask(
                .post, "/jobs", three, as: .producer, headers: ["Idempotency-Key": "k"])
            #expect(first.status == 202)
            let ids = ids(first)
            #expect(ids.count == 3)
            let again = await house.ask(
                .post, "/jobs", three, as: .producer, headers: ["Idempotency-Key": "k"])
            #expect(self.ids(again) == ids)
            let fewer = await house.ask(
                .post, "/jobs", #"[{"kind":"note"}]"#, as: .producer, headers: ["Idempotency-Key": "k"])
            #expect(fewer.status == 422)
            try await house.expect("jobs", count: 3)
            let broken = await house.ask(.post, "/jobs", #"[{"kind":"note"},{"kind":"nothing"}]"#)
            #expect(broken.status == 400)
            try await house.expect("jobs", count: 3)
        }
    }

    private func ids(_ answer: House.Answer) -> [String] {
        guard case .array(let jobs)? = answer.json?["jobs"]?.value else { return [] }
        return jobs.compactMap { $0["id"]?.json.description }
    }

    @Test("an unknown kind is refused with the names of the known ones")
    func unknownKind() async throws {
        try await withHouse([Definition(kind: "note"), Definition(kind: "bill")]) { house in
            let answer = await house.ask(
                .post, "/jobs", #"{"kind":"nothing"}"#, headers: ["Idempotency-Key": "k"])
            #expect(answer.status == 400)
            #expect(answer.code == "unknown_kind")
            let message = try #require(answer.problem("message"))
            #expect(message.contains("bill, note"))
            try await house.expect("keys", count: 0)
        }
    }

    @Test(
        "a body that can't be read names the member and what was expected",
        arguments: [
            (#"{"kind":"note","state":1}"#, "state"), (#"{"kind":"note","id":5}"#, "id"),
            (#"{"kind":5}"#, "kind"),
            (#"{"args":{}}"#, "kind"), (#"{"kind":"note","priority":"soon"}"#, "priority"),
            (#"{"kind":"note","delay":-1}"#, "delay"), (#"{"kind":"note","delay":"soon"}"#, "delay"),
            (#"{"kind":"note","attempts":1.5}"#, "attempts"), (#"{"kind":"note","attempts":0}"#, "attempts"),
            (#"{"kind":"note","run_at":"tomorrow"}"#, "run_at"), (#"{"kind":"note","kind":"note"}"#, "kind"),
            (#"{"kind":"note","meta":[]}"#, "meta"),
            (#"{"kind":"note","run_at":"2027-01-01T00:00:00Z","delay":1}"#, "run_at"),
        ])
    func members(_ body: String, _ field: String) async throws {
        try await withHouse { house in
            let answer = await house.ask(.post, "/jobs", body)
            #expect(answer.status == 400)
            #expect(answer.problem("field") == field)
            try await house.expect("jobs", count: 0)
        }
    }

    @Test(
        "what is no JSON, too much or too deep is refused",
        arguments: [
            ("", 400), ("{", 400), ("[]", 400), ("nul", 400), (#""note""#, 400), ("[[]]", 400),
            (String(repeating: "[", count: 1000), 400), (#"{"kind":"note","args":"\u0000"}"#, 400),
            (#"{"kind":"note","subject":"a\u0000b"}"#, 400),
            (#"{"kind":"note","run_at":"2027-02-30T00:00:00Z"}"#, 400),
            (#"{"kind":"note","args":"# + String(repeating: " ", count: 1 << 20) + "1}", 413),
        ])
    func bodies(_ body: String, _ status: Int) async throws {
        try await withHouse { house in
            let answer = await house.ask(.post, "/jobs", body)
            #expect(answer.status == status, "\(answer.text)")
            #expect(answer.code != nil)
            try await house.expect("jobs", count: 0)
        }
    }

    @Test("a time to run at is the same request tomorrow")
    func runAt() async throws {
        try await withHouse { house in
            let far = await house.ask(.post, "/jobs", #"{"kind":"note","run_at":"2999-01-01T00:00:00Z"}"#)
            #expect(far.status == 400, "beyond ten years")
            let soon = #"{"kind":"note","run_at":"2027-01-01T00:00:00.5+01:00"}"#
            let one = try await house.put(soon, headers: ["Idempotency-Key": "k"])
            let report = try #require(try await house.store.job(one))
            #expect(report.dueAt?.iso8601.hasPrefix("2026-12-31T23:00:00.5") == true)
            #expect(try await house.put(soon, headers: ["Idempotency-Key": "k"]) == one)
            let past = try await house.put(#"{"kind":"note","run_at":"2020-01-01T00:00:00Z"}"#)
            #expect(try await house.store.job(past)?.reason?.hasPrefix("due at") == false)
        }
    }

    @Test("a subject that is being worked on is refused with its job, where the kind says so")
    func refused() async throws {
        try await withHouse([Definition("note") { $0.unique = .refuse }]) { house in
            let one = try await house.put(#"{"kind":"note","subject":"s"}"#)
            let answer = await house.ask(.post, "/jobs", #"{"kind":"note","subject":"s"}"#)
            #expect(answer.status == 409)
            #expect(answer.json?["error"]?["job"]?.json.description == "\(one)")
        }
    }

    @Test("whoever waits is answered when the job has ended, with its result")
    func wait() async throws {
        try await withHouse { house in
            let worker = try await house.worker()
            async let answer = house.ask(.post, "/jobs?wait=30", #"{"kind":"note"}"#)
            var claimed: [ClaimedJob] = []
            try await eventually {
                claimed = try await house.claim(by: worker); return !claimed.isEmpty
            }
            try await eventually("somebody waits") { house.front.watcher.waiting == 1 }
            try await house.settle(claimed[0], .finish(result: #"{"answer":42}"#))
            let told = await answer
            #expect(told.status == 200)
            #expect(told.state == "done")
            #expect(told.json?["result"]?["answer"]?.json.description == "42")
            let shown = await house.ask(.get, "/jobs/\(claimed[0].id)?wait=30")
            #expect(shown.state == "done", "an ended job is not waited for")
        }
    }

    @Test("whoever waits in vain is told how it stands when his time is up")
    func late() async throws {
        try await withHouse { house in
            let id = try await house.put()
            let answer = await house.ask(.get, "/jobs/\(id)?wait=1")
            #expect(answer.status == 200)
            #expect(answer.state == "waiting")
            #expect(answer.json?["reason"]?.string == "no live worker knows this kind")
            #expect(house.front.watcher.waiting == 0)
        }
    }

    @Test("many who wait are answered by one look, and more than may wait are refused")
    func waiters() async throws {
        try await withHouse([Definition(kind: "note")], { $0.waitersMax = 20 }) { house in
            let worker = try await house.worker()
            let id = try await house.put()
            let claimed = try await house.claim(by: worker)
            try await withThrowingTaskGroup(of: House.Answer.self) { group in
                for _ in 0..<20 { group.addTask { await house.ask(.get, "/jobs/\(id)?wait=30") } }
                try await eventually { house.front.watcher.waiting == 20 }
                let refused = await house.ask(.get, "/jobs/\(id)?wait=30")
                #expect(refused.status == 503)
                #expect(refused.header("Retry-After") != nil)
                #expect(house.front.requests.now == 0, "whoever waits is not being answered")
                try await house.settle(claimed[0], .finish(result: nil))
                for try await answer in group { #expect(answer.state == "done") }
            }
        }
    }

    @Test("a drain lets everybody go who waits")
    func drain() async throws {
        try await withHouse { house in
            let id = try await house.put()
            async let answer = house.ask(.get, "/jobs/\(id)?wait=60")
            try await eventually { house.front.watcher.waiting == 1 }
            house.front.drain()
            #expect(await answer.state == "waiting")
            let after = await house.ask(.get, "/jobs/\(id)?wait=60")
            #expect(after.status == 200)
            #expect(await house.ask(.get, "/health/ready").status == 503)
            #expect(await house.ask(.get, "/health/live").status == 200)
        }
    }

    @Test("an answer that has not changed is not sent again")
    func etag() async throws {
        try await withHouse { house in
            let id = try await house.put()
            let first = await house.ask(.get, "/jobs/\(id)")
            let tag = try #require(first.header("ETag"))
            let same = await house.ask(.get, "/jobs/\(id)", headers: ["If-None-Match": "\"x\", \(tag)"])
            #expect(same.status == 304)
            #expect(same.bytes.isEmpty)
            #expect(same.header("ETag") == tag)
            _ = try await house.store.cancel(id, reason: "a test")
            let changed = await house.ask(.get, "/jobs/\(id)", headers: ["If-None-Match": tag])
            #expect(changed.status == 200)
        }
    }

    @Test("a number that was never given is 404, one whose trace has passed is 410 to operators")
    func absence() async throws {
        try await withHouse { house in
            let id = try await house.put()
            #expect(await house.ask(.get, "/jobs/\(id.number + 1)").status == 404)
            #expect(await house.ask(.get, "/jobs/0").status == 404)
            #expect(await house.ask(.get, "/jobs/abc").status == 404)
            #expect(await house.ask(.get, "/jobs/99999999999999999999").status == 404)
            _ = try await house.store.cancel(id, reason: "a test")
            #expect(await house.ask(.get, "/jobs/\(id)").state == "cancelled")
            try await house.store.database.run("TRUNCATE motorpool.history")
            for (role, status) in [(Role.operator, 410), (.producer, 404)] {
                #expect(await house.ask(.get, "/jobs/\(id)", as: role).status == status)
                #expect(await house.ask(.delete, "/jobs/\(id)", as: role).status == status)
                #expect(await house.ask(.get, "/jobs/\(id)/events", as: role).status == status)
            }
        }
    }

    @Test("a cancel says whether the job may have started, and twice is once")
    func cancel() async throws {
        try await withHouse { house in
            let worker = try await house.worker()
            let waiting = try await house.put()
            let calm = await house.ask(.delete, "/jobs/\(waiting)")
            #expect(calm.json?["may_have_started"]?.json.description == "false")
            #expect(await house.ask(.delete, "/jobs/\(waiting)").status == 200)
            let running = try await house.put()
            let claimed = try await house.claim(by: worker)
            #expect(
                await house.ask(.delete, "/jobs/\(running)").json?["may_have_started"]?.json.description
                    == "true")
            await #expect(throws: Missing.self) { try await house.settle(claimed[0], .finish(result: nil)) }
            let done = try await house.put()
            let other = try await house.claim(by: worker)
            try await house.settle(other[0], .finish(result: nil))
            #expect(await house.ask(.delete, "/jobs/\(done)").status == 409)
        }
    }

    @Test("a list is cut into pages, and a misspelt filter is refused")
    func list() async throws {
        try await withHouse { house in
            var ids: [String] = []
            for _ in 0..<5 { ids.insert("\(try await house.put())", at: 0) }
            let page = await house.ask(.get, "/jobs?limit=2&kind=note")
            #expect(self.ids(page) == Array(ids[0..<2]))
            let next = try #require(page.json?["next_before"]?.json.description)
            #expect(self.ids(await house.ask(.get, "/jobs?limit=2&before=\(next)")) == Array(ids[2..<4]))
            #expect(self.ids(await house.ask(.get, "/jobs?state=done")) == [])
            for query in [
                "stat=done", "state=odd", "limit=0", "limit=201", "before=x", "limit=1&limit=2", "kind=%zz",
                "kind=%00",
            ] {
                #expect(await house.ask(.get, "/jobs?\(query)").status == 400, "\(query)")
            }
        }
    }

    @Test("jobs under a limit of two by key name the holders")
    func holders() async throws {
        let limited = Definition("note") { $0.limitPerKey = 2 }
        try await withHouse([limited]) { house in
            _ = try await house.worker()
            var ids: [JobID] = []
            for _ in 0..<10 { ids.append(try await house.put(#"{"kind":"note","limit_key":"x"}"#)) }
            for id in ids[2...] {
                let answer = await house.ask(.get, "/jobs/\(id)")
                #expect(
                    answer.json?["reason"]?.string
                        == "limit 2 of 2 on key x held by jobs \(ids[0]) and \(ids[1])")
            }
        }
    }

    @Test("a trace goes into the job and out with its answer")
    func trace() async throws {
        try await withHouse { house in
            let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
            let answer = await house.ask(
                .post, "/jobs", #"{"kind":"note","meta":{"shop":7}}"#,
                headers: ["traceparent": "00-\(trace)-00f067aa0ba902b7-01"])
            let meta = try #require(answer.json?["meta"])
            #expect(meta["shop"]?.json.description == "7")
            let carried = try #require(meta["traceparent"]?.string)
            #expect(
                carried.hasPrefix("00-\(trace)-") && carried.hasSuffix("-01")
                    && !carried.contains("00f067aa0ba902b7"))
            #expect(answer.header("traceparent") == carried)
            #expect(house.events.withLock { $0.last?.trace } == trace)
            let plain = await house.ask(
                .post, "/jobs", #"{"kind":"note"}"#, headers: ["traceparent": "00-0-0-0"])
            #expect(plain.json?["meta"]?.isNull == true, "what is no trace is ignored")
        }
    }
}

extension Definition {
    /// A definition in one expression.
    init(_ kind: String, _ set: (inout Definition) -> Void) {
        self.init(kind: kind)
        set(&self)
    }
}
