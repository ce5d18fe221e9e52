internal import HTTPServer
internal import Jobs
internal import Platform
internal import Store

/// Whether this process lives and can do its work, and what it measures.
package enum HealthRoutes {
    package static let all = [health, live, ready, metrics]

    private static let group = "Health"

    private static let health = Route(
        .get, "/health", role: .anyone, limit: .free, group: group, summary: "Say that this process lives",
        about: """
            Asks nothing of the database: a load balancer that wants to know about that asks /health/ready. Only a caller \
            with a token is told the version.
            """,
        answers: [.init(200, "it lives", .named("Health"))]
    ) { exchange in
        var members: [(String, JSONText)] = [("status", "ok"), ("service", "motorpool")]
        if !exchange.caller.isAnonymous {
            members.append(("version", .string(exchange.front.settings.version)))
        }
        return Reply.json(.object(members))
    }

    private static let live = Route(
        .get, "/health/live", role: .anyone, limit: .free, group: group,
        summary: "Say that this process lives",
        answers: [.init(200, "it lives", .named("Liveness"))]
    ) { _ in Reply.json(.object([("status", "ok")])) }

    private static let ready = Route(
        .get, "/health/ready", role: .anyone, limit: .free, group: group,
        summary: "Say whether requests should be sent here",
        about:
            """
            Not while the process ends, nor while the database is away or its tables are older than this program. \
            `warnings` has a sentence when there are queues with jobs in line and free lanes from which nothing has been \
            claimed for a minute (motorpool_queue_stalled in /metrics names them), and one for each run that blocks a worker or \
            has lost it a lane: requests are answered all the same.
            """,
        answers: [
            .init(200, "they should", .named("Readiness")),
            .init(503, "they should not; the reason is told", .named("Problem")),
        ]
    ) { exchange in
        if exchange.front.isDraining {
            throw Problem.unavailable("draining", "this process is ending", retryAfter: 1)
        }
        guard try await exchange.front.hasSchema.value() else {
            throw Problem.unavailable(
                "schema_behind", "the database's tables are older than this program: motorpool migrate",
                retryAfter: 10)
        }
        // Requests can be answered all the same; what they ask for may wait. A warning that can't be had takes no request
        // away from here.
        let stalled = (try? await exchange.front.stalledQueues.value().count) ?? 0
        let stuck = (try? await exchange.front.stuck.value().prefix(HealthRoutes.wordsMax)) ?? []
        var warnings = stuck.map { JSONText.string($0.description) }
        if stalled > 0 {
            let queues = stalled == 1 ? "queue stands" : "queues stand"
            warnings.append(
                .string(
                    "\(stalled) \(queues) still: work, free lanes, and no claim for a minute; see motorpool doctor"
                ))
        }
        return Reply.json(.object([("status", "ok"), ("warnings", .array(warnings))]))
    }

    /// So many things that are not as they should be are told.
    private static let wordsMax = 10

    private static let metrics = Route(
        .get, "/metrics", role: .reader, limit: .read, group: group,
        summary: "Tell what is measured, for Prometheus",
        about: """
            The database is asked at most once a second, however many ask. Depths are exact up to 10,000 and say 10000 \
            beyond. Without the database the process's own numbers are told, and motorpool_database_up is 0.
            """,
        answers: [.init(200, "the text format of Prometheus, version 0.0.4", nil, as: "text/plain")]
    ) { exchange in
        let front = exchange.front
        var text = MetricsText()
        front.measure(into: &text)
        do {
            let scrape = try await front.scrape.value()
            text.gauge("motorpool_database_up", "Whether the database answered.", [([], 1)])
            scrape.write(to: &text)
        } catch {
            text.gauge("motorpool_database_up", "Whether the database answered.", [([], 0)])
        }
        return Reply.bytes(Array(text.text.utf8), as: "text/plain; version=0.0.4; charset=utf-8")
    }
}
