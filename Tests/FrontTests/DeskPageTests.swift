import Front
import HTTPServer
import Jobs
import Postgres
import Store
import Testing

@Suite("A page of the desk")
struct DeskPageTests {
    @Test("is there when the farm has nothing yet")
    func empty() async throws {
        try await withDeskHouse([]) { house in
            for path in DeskHouse.pages {
                let answer = await house.page(path)
                #expect(answer.status == 200, "\(path): \(answer.text.prefix(400))")
                do { _ = try PageReader(answer.text) } catch { Issue.record("\(path): \(error)") }
            }
        }
    }

    @Test("is there when the farm has everything")
    func full() async throws {
        try await withDeskHouse([Definition(kind: "note"), Definition(kind: "rare")]) { house in
            let jobs = try await house.crowd()
            var paths = DeskHouse.pages + ["/admin/queues/default"]
            paths += JobSearch.Place.allCases.map { "/admin/jobs?place=\($0.rawValue)" }
            paths += jobs.values.map { "/admin/jobs/\($0)" }
            paths += ["/admin/bulk?action=cancel&place=live", "/admin/bulk?action=retry&place=dead"]
            for path in paths {
                let answer = await house.page(path)
                #expect(answer.status == 200, "\(path): \(answer.text.prefix(400))")
                // Nothing of the crowd has an angle: one that is escaped was meant to be markup.
                #expect(!answer.text.contains("&lt;"), "\(path)")
                do { _ = try PageReader(answer.text) } catch { Issue.record("\(path): \(error)") }
            }
        }
    }

    @Test("carries what keeps scripts, frames and caches away")
    func guards() async throws {
        try await withDeskHouse { house in
            for path in ["/admin", "/admin/login", "/admin/jobs/99"] {
                let headers = await house.page(path).headers
                let policy = headers["Content-Security-Policy"] ?? ""
                #expect(policy.hasPrefix("default-src 'none'") && policy.contains("frame-ancestors 'none'"))
                #expect(policy.contains("form-action 'self'") && policy.contains("base-uri 'none'"))
                #expect(!policy.contains("script-src") && !policy.contains("unsafe"))
                #expect(headers["Cache-Control"] == "no-store")
            }
        }
    }

    @Test("finds every job of the crowd where it stands, and only there")
    func places() async throws {
        try await withDeskHouse([Definition(kind: "note"), Definition(kind: "rare")]) { house in
            let jobs = try await house.crowd()
            for (place, job) in jobs {
                for other in JobSearch.Place.allCases where other != .live && other != .waiting {
                    let found = try await house.store.search(JobSearch(other)).jobs.contains { $0.id == job }
                    #expect(found == (other == place), "\(place) in \(other)")
                }
                let isLive = ![.dead, .done, .cancelled].contains(place)
                let live = try await house.store.search(JobSearch(.live)).jobs.contains { $0.id == job }
                #expect(live == isLive, "\(place)")
            }
        }
    }

    @Test(
        "goes through all jobs of each place, page by page, each once",
        arguments: [JobSearch.Place.ready, .live, .waiting, .scheduled, .dead])
    func pagesOfKeys(place: JobSearch.Place) async throws {
        try await withDeskHouse { house in
            let delay: Duration? = place == .scheduled ? .seconds(1000) : nil
            for n in 0..<23 {
                _ = try await house.store.enqueue(
                    NewJob("note", delay: delay, priority: Priority.allCases[n % 4]))
            }
            if place == .dead {
                try await house.store.database.run(
                    "SELECT motorpool.depart(j, 'dead', NULL, 'x', 'attempts') FROM motorpool.jobs j")
                try await house.store.database.run("DELETE FROM motorpool.jobs")
            }
            var seen: [JobID] = []
            var path: String? = "/admin/api/jobs?place=\(place.rawValue)&limit=5"
            while let next = path {
                let page = try await house.page(next).json()
                guard case .array(let jobs)? = page["jobs"]?.value else {
                    throw Missing(description: "no jobs")
                }
                seen += jobs.compactMap { $0["id"].flatMap { Int64($0.json.description) }.map { JobID($0) } }
                path = page["next"]?.string.map {
                    "/admin/api/jobs?place=\(place.rawValue)&limit=5&after=\($0)"
                }
                #expect(seen.count <= 23)
            }
            #expect(seen.count == 23 && Set(seen).count == 23)
        }
    }

    @Test("filters by kind, queue, key, subject and age")
    func filters() async throws {
        try await withDeskHouse([Definition(kind: "note"), Definition(kind: "rare")]) { house in
            let jobs = try await house.crowd("it")
            func found(_ query: String) async throws -> Set<Int64> {
                let page = try await house.page("/admin/api/jobs?\(query)").json()
                guard case .array(let jobs)? = page["jobs"]?.value else { return [] }
                return Set(jobs.compactMap { $0["id"].flatMap { Int64($0.json.description) } })
            }
            let held = try #require(jobs[.held]?.number)
            let ready = try #require(jobs[.ready]?.number)
            #expect(try await found("place=held&kind=rare") == [held])
            #expect(try await found("place=held&kind=rare&key=it") == [held])
            #expect(try await found("place=held&kind=note").isEmpty)
            #expect(try await found("place=waiting&subject=itw") == [ready])
            #expect(try await found("place=ready&queue=default").contains(ready))
            #expect(try await found("place=ready&queue=other").isEmpty)
            #expect(try await found("place=live&older=1h").isEmpty)
            try await house.store.database.run(
                "UPDATE motorpool.jobs SET created_at = now() - interval '2 hours' WHERE id = \(ready)")
            #expect(try await found("place=live&older=1h") == [ready])
            #expect(await house.page("/admin/jobs?older=soon").status == 400)
            #expect(await house.page("/admin/jobs?place=nowhere").status == 400)
            #expect(await house.page("/admin/jobs?after=x").status == 400)
        }
    }

    @Test("tells the same as JSON")
    func json() async throws {
        try await withDeskHouse([Definition(kind: "note"), Definition(kind: "rare")]) { house in
            _ = try await house.crowd()
            let names = [
                "queues", "workers", "limits", "jobs", "dead", "audit", "vacuum", "samples", "schedules",
                "schedules/plain", "jobs/1", "bulk?action=cancel",
            ]
            for name in names {
                let answer = await house.page("/admin/api/\(name)")
                #expect(answer.status == 200, "\(name): \(answer.text)")
                #expect(answer.headers["Content-Type"] == "application/json")
                _ = try answer.json()
            }
        }
    }

    @Test("has one style sheet, which need not be sent twice")
    func style() async throws {
        try await withDeskHouse { house in
            let first = await house.ask(.get, "/admin/style.css")
            #expect(first.status == 200 && first.headers["Content-Type"] == "text/css; charset=utf-8")
            let etag = try #require(first.headers["ETag"])
            let second = await house.ask(.get, "/admin/style.css", headers: ["If-None-Match": etag])
            #expect(second.status == 304 && second.text.isEmpty)
        }
    }
}
