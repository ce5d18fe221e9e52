import Front
import HTTPServer
import Jobs
import Platform
import Postgres
import Store
import TestSupport
import Testing

@Suite struct EventTests {
    @Test("a stream tells each state once, and ends with the job")
    func stream() async throws {
        try await withHouse { house in
            let worker = try await house.worker()
            let id = try await house.put()
            try await follow(id, in: house) { ear, ended in
                try await eventually { ear.text.contains("event: state\n") }
                let claimed = try await house.claim(by: worker)
                try await eventually { ear.text.contains("\"state\":\"running\"") }
                try await house.store.report(claimed[0].token, phase: "loading", done: 1, total: 3)
                try await eventually {
                    ear.text.contains("event: progress\n") && ear.text.contains("\"phase\":\"loading\"")
                }
                try await house.settle(claimed[0], .finish(result: #"{"n":1}"#))
                try await ended()
                #expect(ear.text.contains("event: ended\n"))
                #expect(ear.text.hasSuffix("\n\n"))
                #expect(house.front.streams.now == 0, "its place is free again")
            }
            let last = try #require(await house.store.job(id))
            #expect(last.state == .done)
        }
    }

    @Test("whoever comes back is told nothing twice, and after the end not to come back")
    func resume() async throws {
        try await withHouse { house in
            let id = try await house.put()
            let seen = try await firstID(of: id, in: house)
            try await follow(id, in: house, lastSeen: seen) { ear, ended in
                try await eventually { ear.text.contains(": nothing new\n\n") }
                #expect(!ear.text.contains("event:"))
                _ = try await house.store.cancel(id, reason: "a test")
                try await ended()
                #expect(ear.text.contains("event: ended\n"))
                let end = ear.text.split(separator: "\n").last { $0.hasPrefix("id: ") }.map {
                    String($0.dropFirst(4))
                }
                let again = await house.ask(.get, "/jobs/\(id)/events", headers: ["Last-Event-ID": end ?? ""])
                #expect(again.status == 204)
            }
        }
    }

    @Test("a stream in which nothing happens says that it is there")
    func heartbeat() async throws {
        try await withHouse([Definition(kind: "note")], { $0.heartbeat = .milliseconds(20) }) { house in
            let id = try await house.put()
            try await follow(id, in: house) { ear, ended in
                try await eventually { ear.text.contains(": still here\n\n: still here\n\n") }
                house.front.drain()
                try await ended()
            }
        }
    }

    @Test("more streams than may be open are refused")
    func bound() async throws {
        try await withHouse([Definition(kind: "note")], { $0.streamsMax = 1 }) { house in
            let id = try await house.put()
            try await follow(id, in: house) { _, ended in
                let refused = await house.ask(.get, "/jobs/\(id)/events")
                #expect(refused.status == 503)
                #expect(refused.header("Retry-After") != nil)
                _ = try await house.store.cancel(id, reason: "a test")
                try await ended()
            }
            let free = await house.ask(.get, "/jobs/\(id)/events")
            #expect(free.status == 200)
        }
    }

    private func firstID(of job: JobID, in house: House) async throws -> String {
        var id = ""
        try await follow(job, in: house) { ear, ended in
            try await eventually { ear.text.contains("\n\n") }
            id =
                ear.text.split(separator: "\n").first { $0.hasPrefix("id: ") }.map { String($0.dropFirst(4)) }
                ?? ""
        }
        return id
    }

    /// Opens a stream for as long as `body` takes; `ended` returns when it has ended by itself.
    private func follow(
        _ job: JobID, in house: House, lastSeen: String? = nil,
        _ body: (Ear, _ ended: () async throws -> Void) async throws -> Void
    ) async throws {
        var headers = Headers()
        if let lastSeen { headers.add("Last-Event-ID", lastSeen) }
        let ear = Ear()
        let task = try await open(job, in: house, headers, ear)
        do {
            try await body(ear) { try await task.value }
        } catch {
            task.cancel()
            throw error
        }
        task.cancel()
    }

    private func open(_ job: JobID, in house: House, _ headers: Headers, _ ear: Ear) async throws -> Task<
        Void, any Error
    > {
        let answer = await house.ask(.get, "/jobs/\(job)/events", headers: headers)
        #expect(answer.status == 200)
        #expect(answer.header("Content-Type") == "text/event-stream")
        guard case .stream(let write) = answer.response.content else {
            throw Missing(description: "no stream")
        }
        return Task { try await write(ear) }
    }
}
