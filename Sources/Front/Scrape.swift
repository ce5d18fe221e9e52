internal import Jobs
internal import Platform
internal import Postgres
package import Store

/// What the metrics tell of the queue, as the database had it a moment ago.
package struct Scrape: Sendable {
    private let depths: [QueueDepth]
    private let queuesMore: Int
    private let unworked: (jobs: [UnworkedJobs], more: Int)
    private let workers: [WorkerStats]
    private let stalled: Set<String>

    package init(_ store: Store) async throws {
        stalled = Set(try await store.stalledQueues().map(\.name))
        (depths, queuesMore) = try await store.depths()
        unworked = try await store.unworked(most: Store.queuesMax)
        workers = try await store.workerStats()
    }

    package func write(to text: inout MetricsText) {
        func labels(_ depth: QueueDepth) -> [(String, String)] {
            [("queue", depth.queue), ("state", depth.state)]
        }
        text.gauge(
            "motorpool_queue_jobs", "Live jobs of the 200 queues with the most jobs, exact up to 10000.",
            depths.map { (labels($0), Double($0.count)) })
        text.gauge(
            "motorpool_queue_head_age_seconds", "How long the oldest job has stood in this state.",
            depths.compactMap { depth in depth.oldest.map { (labels(depth), max(0, $0.inSeconds)) } })
        text.gauge(
            "motorpool_queues_untold", "Queues with jobs beyond the 200 that motorpool_queue_jobs tells.",
            [([], Double(queuesMore))])
        text.gauge(
            "motorpool_unworked_jobs",
            "Waiting jobs that no live worker takes, by queue; kind is empty when no live worker takes from the queue.",
            unworked.jobs.map { ([("queue", $0.queue), ("kind", $0.kind ?? "")], Double($0.count)) })
        text.gauge(
            "motorpool_unworked_untold", "Queues and kinds beyond those that motorpool_unworked_jobs tells.",
            [([], Double(unworked.more))])
        text.gauge(
            "motorpool_queue_stalled",
            "1 when a queue has jobs in line and free lanes, and nothing has been claimed from it for a minute.",
            Set(depths.map(\.queue)).union(stalled).sorted().map {
                ([("queue", $0)], stalled.contains($0) ? 1 : 0)
            })
        text.gauge("motorpool_workers", "Worker processes whose lease lives.", [([], Double(workers.count))])
        text.gauge(
            "motorpool_workers_draining", "Live worker processes that take no new jobs.",
            [([], Double(workers.count { $0.isDraining }))])
        let outcomes = ["done", "failed", "snoozed", "stale", "handed_back"]
        text.counter(
            "motorpool_worker_runs_total", "Runs that ended, by worker and outcome.",
            workers.flatMap { worker in
                outcomes.map { ([("worker", worker.name), ("outcome", $0)], Double(worker.counts[$0] ?? 0)) }
            })
        func gauge(_ name: String, _ help: String, _ count: String, scale: Double = 1) {
            text.gauge(
                name, help,
                workers.map { ([("worker", $0.name)], Double($0.counts[count] ?? 0) * scale) })
        }
        gauge(
            "motorpool_worker_lanes_lost", "Lanes lost to runs that were given up and still run, by worker.",
            "lanes_lost")
        gauge(
            "motorpool_worker_lanes_blocked", "Lanes whose run does not let go of its thread, by worker.",
            "lanes_blocked")
        gauge(
            "motorpool_worker_pool_lag_seconds",
            "For how long nothing has come back from the threads that do the work, by worker.", "silence_ms",
            scale: 0.001)
        text.counter(
            "motorpool_worker_runs_stuck_total",
            "Runs that were given up because they did not end, by worker.",
            workers.map { ([("worker", $0.name)], Double($0.counts["runs_stuck"] ?? 0)) })
        text.counter(
            "motorpool_worker_claimed_jobs_total", "Jobs claimed, by worker.",
            workers.map { ([("worker", $0.name)], Double($0.counts["claimed"] ?? 0)) })
    }
}

extension Front {
    /// The numbers of this process.
    func measure(into text: inout MetricsText) {
        let counts = meter.now
        text.counter(
            "motorpool_http_requests_total", "Requests answered, by route, method and status.",
            counts.answers.sorted {
                ($0.key.route, $0.key.method, $0.key.status) < ($1.key.route, $1.key.method, $1.key.status)
            }
            .map {
                (
                    [("route", $0.key.route), ("method", $0.key.method), ("status", String($0.key.status))],
                    Double($0.value)
                )
            })
        text.histogram(
            "motorpool_http_request_duration_seconds", "From the request's head to its answer, by route.",
            counts.times.sorted { $0.key < $1.key }.map { ([("route", $0.key)], $0.value) })
        text.gauge(
            "motorpool_http_requests_in_flight", "Requests that are being answered.",
            [([], Double(requests.now))])
        text.gauge(
            "motorpool_http_waiting_requests", "Requests and streams that wait for a job.",
            [([], Double(watcher.waiting))])
        text.gauge("motorpool_http_event_streams", "Open event streams.", [([], Double(streams.now))])
        let pool = store.database.status
        text.gauge(
            "motorpool_database_connections", "The front's connections to the database.",
            [([("state", "idle")], Double(pool.idle)), ([("state", "lent")], Double(pool.open - pool.idle))])
        text.gauge(
            "motorpool_database_callers_waiting", "Callers that wait for a connection.",
            [([], Double(pool.waiting))])
        for extra in extraMetrics.withLock({ $0 }) { extra(&text) }
    }

    /// Adds numbers that only others know, such as the server's connections.
    package func alsoMeasure(_ extra: @escaping @Sendable (inout MetricsText) -> Void) {
        extraMetrics.withLock { $0.append(extra) }
    }
}
