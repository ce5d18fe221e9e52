import Front
import HTTPServer
import Jobs
import Platform
import Postgres
import Store
import TestSupport
import Testing

@Suite struct DocumentTests {
    @Test("the document and the table of routes say the same, both ways")
    func openAPI() async throws {
        try await withHouse([Definition(kind: "note"), Definition(kind: "bill")]) { house in
            let answer = await house.ask(.get, "/openapi.json")
            #expect(answer.header("Content-Type") == "application/json")
            let document = try #require(answer.json)
            var told: [String: Set<String>] = [:]
            for (path, item) in members(document["paths"]) {
                for (method, operation) in members(item) {
                    told["\(method.uppercased()) \(path)"] = Set(members(operation["responses"]).map(\.0))
                    let parameters = Set(elements(operation["parameters"]).compactMap { $0["name"]?.string })
                    let braces = Set(
                        path.split(separator: "/").filter { $0.hasPrefix("{") }.map {
                            String($0.dropFirst().dropLast())
                        })
                    #expect(braces.isSubset(of: parameters), "\(path) names every value of its path")
                    #expect(operation["operationId"]?.string?.isEmpty == false)
                }
            }
            var known: [String: Set<String>] = [:]
            for route in house.front.router.routes where !route.isPage {
                known["\(route.method.rawValue) \(route.pattern)"] = Set(
                    route.documentedAnswers.map { String($0.status) })
            }
            #expect(told == known)
            let kinds = elements(
                document["components"]?["schemas"]?["NewJob"]?["properties"]?["kind"]?["enum"]
            ).compactMap(\.string)
            #expect(kinds == ["bill", "note"])
        }
    }

    @Test("every schema that is named is there, and every one that is there is named")
    func references() async throws {
        try await withHouse { house in
            let answer = await house.ask(.get, "/openapi.json")
            let names = Set(members(answer.json?["components"]?["schemas"]).map(\.0))
            let mark = "#/components/schemas/"
            let used = Set(
                answer.text.split(separator: "\"").filter { $0.hasPrefix(mark) }.map {
                    String($0.dropFirst(mark.count))
                })
            #expect(used == names)
        }
    }

    @Test("a job has exactly the members that its schema names")
    func job() async throws {
        try await withHouse { house in
            let id = try await house.put()
            let answer = await house.ask(.get, "/jobs/\(id)")
            let document = await house.ask(.get, "/openapi.json")
            let schema = document.json?["components"]?["schemas"]?["Job"]
            #expect(Set(members(answer.json).map(\.0)) == Set(members(schema?["properties"]).map(\.0)))
            #expect(
                Set(elements(schema?["required"]).compactMap(\.string)) == Set(members(answer.json).map(\.0)))
            let newJob = document.json?["components"]?["schemas"]?["NewJob"]
            #expect(members(newJob?["properties"]).map(\.0).sorted() == JobReader.names)
        }
    }

    @Test("the page for people names every route and needs nothing from elsewhere")
    func docs() async throws {
        try await withHouse { house in
            let answer = await house.ask(.get, "/docs")
            for route in house.front.router.routes where !route.isPage {
                #expect(answer.text.contains("\(route.method.rawValue) \(route.pattern)"))
            }
            #expect(!answer.text.contains("<script"))
            #expect(!answer.text.contains("src="))
            #expect(answer.header("Content-Security-Policy")?.hasPrefix("default-src 'none'") == true)
            let root = await house.ask(.get, "/")
            #expect(root.status == 307)
            #expect(root.header("Location") == "/docs")
        }
    }

    @Test("the metrics are what Prometheus reads")
    func metrics() async throws {
        try await withHouse { house in
            _ = try await house.worker(stats: #"{"done":7,"failed":1,"claimed":9,"lanes":{"default":4}}"#)
            for _ in 0..<3 { _ = try await house.put() }
            let answer = await house.ask(.get, "/metrics")
            #expect(answer.header("Content-Type") == "text/plain; version=0.0.4; charset=utf-8")
            #expect(answer.text.contains("motorpool_queue_jobs{queue=\"default\",state=\"ready\"} 3\n"))
            #expect(
                answer.text.contains("motorpool_worker_runs_total{worker=\"tester\",outcome=\"done\"} 7\n"))
            #expect(answer.text.contains("motorpool_workers 1\n"))
            #expect(
                answer.text.contains(
                    "motorpool_http_requests_total{route=\"/jobs\",method=\"POST\",status=\"202\"} 3\n"))
            #expect(
                answer.text.contains("motorpool_http_request_duration_seconds_count{route=\"/jobs\"} 3\n"))
            var typed = Set<String>()
            for line in answer.text.split(separator: "\n") {
                if line.hasPrefix("# TYPE ") {
                    #expect(typed.insert(String(line.split(separator: " ")[2])).inserted, "twice: \(line)")
                } else if !line.hasPrefix("#") {
                    let isSample =
                        line.wholeMatch(
                            of: #/[a-z_]+(\{[a-z_]+="[^"\n]*"(,[a-z_]+="[^"\n]*")*\})? [0-9.e+-]+/#) != nil
                    #expect(isSample, "\(line)")
                    let name = line.prefix { $0 != "{" && $0 != " " }
                    let family =
                        ["_bucket", "_sum", "_count"].first { name.hasSuffix($0) }.map {
                            name.dropLast($0.count)
                        } ?? name
                    #expect(
                        typed.contains(String(family)) || typed.contains(String(name)), "\(name) has no type")
                }
            }
        }
    }

    @Test("what is put into a label stays inside")
    func labels() {
        var text = MetricsText()
        text.gauge("a", "b", [([("worker", "x\"}\n y\\")], 1)])
        #expect(text.text == "# HELP a b\n# TYPE a gauge\na{worker=\"x\\\"}\\n y\\\\\"} 1\n")
    }

    private func members(_ part: JSONPart?) -> [(String, JSONPart)] {
        if case .object(let members)? = part?.value { members.map { ($0.name, $0.part) } } else { [] }
    }

    private func elements(_ part: JSONPart?) -> [JSONPart] {
        if case .array(let elements)? = part?.value { elements } else { [] }
    }
}
