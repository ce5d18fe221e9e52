import Front
import HTTPServer
import Jobs
import Platform
import Postgres
import Store
import TestSupport
import Testing

@Suite struct ConditionRouteTests {
    @Test("a subject is absent, queued, working and ready, in the order of the question")
    func life() async throws {
        try await withHouse { house in
            let worker = try await house.worker()
            func ask() async -> [JSONPart] {
                let answer = await house.ask(.get, "/conditions?kind=note&subject=a&subject=b")
                #expect(answer.status == 200)
                guard case .array(let told)? = answer.json?["conditions"]?.value else { return [] }
                #expect(told.map { $0["subject"]?.string } == ["a", "b"])
                return told
            }
            func word(_ part: JSONPart?) -> String {
                "\(part?["condition"]?.string ?? "?") \(part?["number"]?.json.description ?? "?")"
            }
            #expect(await ask().map(word) == ["absent null", "absent null"])
            let id = try await house.put(#"{"kind":"note","subject":"b"}"#)
            let queued = await ask()
            #expect(queued.map(word) == ["absent null", "queued 3"])
            #expect(queued[1]["reason"]?.string == "next in line of queue default")
            #expect(queued[1]["job"]?.json.description == "\(id)")
            let claimed = try await house.claim(by: worker)
            #expect(await ask().map(word) == ["absent null", "working 2"])
            try await house.settle(claimed[0], .die(reason: .forGood, error: "no luck"))
            let failed = await ask()
            #expect(failed.map(word) == ["absent null", "failed null"])
            #expect(failed[1]["reason"]?.string == "no luck")
            let retried = try await house.store.retry(id, by: Operator(name: "a test"))
            #expect(retried == .retried)
            let again = try await house.claim(by: worker)
            try await house.settle(again[0], .finish(result: nil))
            #expect(await ask().map(word) == ["absent null", "ready 0"])
        }
    }

    @Test("the estimate follows place, lanes and pace, and is null when nobody knows")
    func estimate() async throws {
        try await withHouse { house in
            for _ in 0..<8 { _ = try await house.put() }
            _ = try await house.put(#"{"kind":"note","subject":"s"}"#)
            func ask() async throws -> JSONPart {
                let answer = await house.ask(.get, "/conditions?kind=note&subject=s")
                guard case .array(let told)? = answer.json?["conditions"]?.value else {
                    throw Missing(description: answer.text)
                }
                return told[0]
            }
            let unknown = try await ask()
            #expect(unknown["reason"]?.string == "no live worker knows this kind")
            #expect(unknown["estimate_seconds"]?.isNull == true)
            _ = try await house.worker(
                stats: #"{"lanes":{"default":4},"queue_seconds":{"default":2},"kind_seconds":{"note":3}}"#)
            let known = try await ask()
            #expect(known["ahead"]?.json.description == "8")
            #expect(
                known["estimate_seconds"]?.json.description == "7.0",
                "eight of 2 s on four lanes, and its own 3 s")
            try await house.store.pause(queue: "default", by: Operator(name: "a test"))
            let paused = try await ask()
            #expect(paused["estimate_seconds"]?.isNull == true)
            #expect(paused["reason"]?.string?.hasPrefix("queue default paused by a test since ") == true)
        }
    }

    @Test(
        "a question that can't be understood is refused",
        arguments: [
            "", "kind=note", "subject=a", "kind=note&subject=", "kind=&subject=a",
            "kind=note&kind=note&subject=a", "kind=note&subjects=a",
            "kind=note" + String(repeating: "&subject=a", count: 101),
        ])
    func refused(_ query: String) async throws {
        try await withHouse { house in
            #expect(await house.ask(.get, "/conditions?\(query)").status == 400)
        }
    }
}
