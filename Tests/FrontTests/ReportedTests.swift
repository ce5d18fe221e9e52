import Front
import HTTPServer
import Jobs
import Platform
import Postgres
import Store
import TestSupport
import Testing

/// What users of other queues reported, over HTTP.
@Suite("Reported cases over HTTP")
struct ReportedTests {
    @Test(
        "R10: members that name a time or a number",
        arguments: [
            (#""run_at":"9999-12-31T23:59:59Z""#, 400), (#""run_at":"10000-01-01T00:00:00Z""#, 400),
            (#""run_at":"infinity""#, 400), (#""run_at":"-0044-03-15T00:00:00Z""#, 400),
            (#""run_at":"0000-01-01T00:00:00Z""#, 400), (#""run_at":"0001-01-01T00:00:00Z""#, 202),
            (#""run_at":"1969-12-31T23:59:59Z""#, 202), (#""run_at":"2027-02-29T00:00:00Z""#, 400),
            (#""run_at":"2028-02-29T00:00:00Z""#, 202), (#""run_at":"2026-12-31T23:59:60Z""#, 202),
            (#""run_at":"2026-12-31T25:00:00Z""#, 400), (#""run_at":"2027-01-01T00:00:00+14:00""#, 202),
            (#""run_at":"2027-01-01T00:00:00+99:99""#, 400),
            (#""run_at":"2027-01-01T00:00:00.123456789Z""#, 202), (#""run_at":"2027-01-01t00:00:00z""#, 202),
            (#""run_at":"2027-01-01 00:00:00Z""#, 400), (#""run_at":"2027-01-01T00:00Z""#, 400),
            (#""run_at":1798761600"#, 400), (#""delay":1e400"#, 400), (#""delay":1e-400"#, 202),
            (#""delay":-1"#, 400), (#""delay":"nan""#, 400), (#""delay":315576001"#, 400),
            (#""delay":"3650d""#, 202), (#""delay":"3653d""#, 400), (#""delay":"9999999999s""#, 400),
            (#""attempts":1e3"#, 400), (#""attempts":0"#, 400), (#""attempts":1001"#, 400),
        ])
    func times(member: String, status: Int) async throws {
        try await withHouse { house in
            let name = String(member.dropFirst().prefix { $0 != "\"" })
            let alone = await house.ask(.post, "/jobs", "{\"kind\":\"note\",\(member)}")
            #expect(alone.status == status, "\(alone.text)")
            let among = await house.ask(
                .post, "/jobs", "[{\"kind\":\"note\"},{\"kind\":\"note\",\(member)}]")
            #expect(among.status == status, "\(among.text)")
            guard status == 400 else { return }
            #expect(alone.problem("field") == name && among.problem("field") == name)
            #expect(alone.problem("message")?.hasPrefix("\(name): expected ") == true)
            #expect(among.json?["error"]?["index"]?.json == "1")
        }
    }

    @Test(
        "R10: due_at is exactly run_at, with a key as well",
        arguments: [
            ("2028-02-29T00:00:00Z", "2028-02-29T00:00:00.000000Z"),
            ("2027-01-01T00:00:00+14:00", "2026-12-31T10:00:00.000000Z"),
            ("2026-12-31T23:59:60Z", "2027-01-01T00:00:00.000000Z"),
            ("2027-01-01T00:00:00.123456789Z", "2027-01-01T00:00:00.123456Z"),
        ])
    func due(runAt: String, due: String) async throws {
        try await withHouse { house in
            for member in ["", #","key":"k""#, #","subject":"s""#] {
                let body = "{\"kind\":\"note\",\"run_at\":\"\(runAt)\"\(member)}"
                let answer = await house.ask(.post, "/jobs", body)
                #expect(answer.json?["due_at"]?.string == due, "\(answer.text)")
                guard member.contains("key") else { continue }
                #expect(await house.ask(.post, "/jobs", body).json?["verdict"]?.string == "duplicate")
            }
        }
    }

    @Test("R10: an instant too far away is told with its bound, and not as a delay")
    func tooFar() async throws {
        try await withHouse { house in
            let answer = await house.ask(.post, "/jobs", #"{"kind":"note","run_at":"9999-12-31T23:59:59Z"}"#)
            #expect(
                answer.problem("message")
                    == "run_at: expected an instant at most ten years from now, found 9999-12-31T23:59:59Z")
        }
    }

    @Test(
        "R12: texts and numbers that jsonb refuses or keeps",
        arguments: [
            (#"{"kind":"note","args":{"a":"x\u0000y"}}"#, 400),
            (#"{"kind":"note","args":{"a\u0000":1}}"#, 400),
            (#"{"kind":"note","subject":"x\u0000y"}"#, 400), (#"{"kind":"note","args":{"a":"\ud800"}}"#, 400),
            (#"{"kind":"note","args":{"a":"\ude00\ud83d"}}"#, 400),
            (#"{"kind":"note","args":{"a":"\ud83d\ude00"}}"#, 202),
            (#"{"kind":"note","args":{"a":"\uffff\ufffe"}}"#, 202),
            (#"{"kind":"note","args":{"a":NaN}}"#, 400),
            (#"{"kind":"note","args":{"a":1,"a":2}}"#, 202), (#"{"kind":"note","kind":"fail"}"#, 400),
            (#"{"kind":"note","args":{"n":1e131072}}"#, 400), (#"{"kind":"note","args":null}"#, 202),
            (#"{"kind":"note","meta":{"a":"\u0000"}}"#, 400), (#"{"kind":"note","key":"x\u0000y"}"#, 400),
        ])
    func texts(body: String, status: Int) async throws {
        try await withHouse { house in
            let alone = await house.ask(.post, "/jobs", body)
            #expect(alone.status == status, "\(alone.text)")
            let among = await house.ask(
                .post, "/jobs", "[" + [String](repeating: body, count: 9).joined(separator: ",") + "]")
            #expect(among.status == status, "\(among.text)")
        }
    }

    @Test("R12: every digit comes back, and the last of two members counts")
    func digits() async throws {
        try await withHouse { house in
            let args =
                #"{"a": 12345678901234567890, "b": 0.1, "c": 3889108265204450030, "d": 100000000000000000000000001, "e": 0.30000000000000004}"#
            let id = try await house.put("{\"kind\":\"note\",\"args\":\(args)}")
            #expect(await house.ask(.get, "/jobs/\(id)").json?["args"]?.json.description == args)
            let twice = try await house.put(#"{"kind":"note","args":{"a":1,"a":2}}"#)
            #expect(await house.ask(.get, "/jobs/\(twice)").json?["args"]?["a"]?.json == "2")
        }
    }

    @Test(
        "R1: the bomb is refused alone, among 8 and among 1,000, and forty of 9 kB",
        arguments: [1, 8, 1000, 40])
    func bomb(count: Int) async throws {
        try await withHouse { house in
            let numbers = count == 40 ? 1000 : 8300
            let bomb = "[" + [String](repeating: "1e131071", count: numbers).joined(separator: ",") + "]"
            let one = "{\"kind\":\"note\",\"args\":\(bomb)}"
            let jobs = (0..<count).map { count == 40 || $0 == count - 1 ? one : #"{"kind":"note"}"# }
            let body = count == 1 ? one : "[\(jobs.joined(separator: ","))]"
            let answer = await house.ask(.post, "/jobs", body, as: .producer)
            #expect(answer.status == 400)
            #expect(answer.problem("field") == "args")
            #expect(answer.problem("message")?.contains("expected at most 262144") == true)
            let index = count == 1 ? nil : count == 40 ? "0" : "\(count - 1)"
            #expect(answer.json?["error"]?["index"]?.json.description == index)
            try await house.expect("jobs", count: 0)
        }
    }

    @Test("R1: an unknown kind among many is named by its index")
    func unknownKind() async throws {
        try await withHouse { house in
            var jobs = [String](repeating: #"{"kind":"note"}"#, count: 20)
            jobs[17] = #"{"kind":"nope"}"#
            let answer = await house.ask(.post, "/jobs", "[\(jobs.joined(separator: ","))]", as: .producer)
            #expect(answer.status == 400 && answer.code == "unknown_kind")
            #expect(answer.json?["error"]?["index"]?.json == "17")
        }
    }

    @Test("R7: a subject whose job was removed by hand is told as cancelled, and is asked for anew")
    func lostSubject() async throws {
        try await withHouse { house in
            let lost = try await house.put(#"{"kind":"note","subject":"purge","delay":"1h"}"#)
            try await house.store.database.run("DELETE FROM motorpool.jobs")
            let told = await house.ask(.get, "/conditions?kind=note&subject=purge", as: .reader)
            #expect(told.text.contains(#""condition":"cancelled""#), "\(told.text)")
            #expect(told.text.contains("removed by hand"), "\(told.text)")
            let anew = await house.ask(.post, "/jobs", #"{"kind":"note","subject":"purge"}"#)
            #expect(anew.status == 202 && anew.json?["verdict"]?.string == "created")
            #expect(anew.id != lost.number)
        }
    }

    @Test("a stored value that can't be given out is no fault of the one who reads")
    func unreadable() async throws {
        try await withHouse { house in
            _ = try await house.put(#"{"kind":"note","subject":"s"}"#)
            _ = try await house.worker(stats: #"{"lanes":{"default":"no number"}}"#)
            let answer = await house.ask(.get, "/conditions?kind=note&subject=s", as: .reader)
            #expect(answer.status == 500, "\(answer.text)")
            #expect(answer.code == "unreadable")
        }
    }
}
