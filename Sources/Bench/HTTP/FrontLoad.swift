internal import Jobs
internal import Platform
internal import Store

/// The front under a thousand clients that keep their connections and ask for a job, or for a condition.
struct FrontLoad: Sendable {
    enum Path: String, CaseIterable {
        case job = "http-job"
        case condition = "http-condition"
    }

    let place: BenchPlace
    let path: Path
    let seconds: Int
    var clients = 1000

    private static let jobs = 200
    private static let warmUp = Duration.seconds(1)

    func measure() async throws -> Sample {
        try await withFront(place, jobs: Self.jobs) { front, ids in
            let targets = ids.enumerated().map { index, id in
                switch path {
                case .job: "/jobs/\(id)"
                case .condition: "/conditions?kind=\(Tick.name)&subject=s\(index)"
                }
            }
            let questions = targets.map { front.question($0) }
            var load = HTTPClients(port: front.port, count: clients, questions: questions, span: Self.warmUp)
            _ = try await load.run()
            let meter = try await Meter.start(place.database, workers: [front.child.pid])
            load = HTTPClients(
                port: front.port, count: clients, questions: questions, span: .seconds(seconds))
            let outcome = try await load.run()
            let refused = outcome.statuses[503] ?? 0
            guard outcome.failures == 0, outcome.good + refused == outcome.waits.count, outcome.good > 0
            else {
                throw BenchError("\(outcome.failures) failures, and answers of \(outcome.statuses)")
            }
            let cost = try await meter.stop(jobs: outcome.good)
            return [
                .requestRate: Double(outcome.good) / outcome.seconds, .refused: Double(refused),
                .p50: outcome.waits.quantile(0.5),
                .p99: outcome.waits.quantile(0.99), .requestCPU: (cost[.workerCPU] ?? .nan) * 100,
                .databaseCPU: (cost[.serverCPU] ?? .nan) * 100, .peakMegabytes: cost[.peakMegabytes] ?? .nan,
            ]
        }
    }
}

/// A minute of sockets that drip, and what a healthy client feels of it.
struct FrontDrip: Sendable {
    let place: BenchPlace
    let seconds: Int
    var sockets = 500

    /// The front's own: ten seconds for a head, ten before a body's rate counts.
    private static let deadline = 10.0

    func measure() async throws -> Sample {
        try await withFront(place, jobs: 20) { front, ids in
            let healthy = HTTPClients(
                port: front.port, count: 20,
                questions: ids.map { front.question("/jobs/\($0)") },
                span: .seconds(seconds), pause: .milliseconds(20))
            var calm = healthy
            calm = HTTPClients(
                port: front.port, count: calm.count, questions: calm.questions,
                span: .seconds(min(10, seconds)),
                pause: calm.pause)
            let before = try await calm.run()
            let memory = front.residentMegabytes
            let drips = Drips(
                port: front.port, count: sockets, body: front.question("/jobs", posting: 5000),
                span: .seconds(seconds))
            async let dripping = drips.run()
            let beside = try await healthy.run()
            let grown = front.residentMegabytes - memory
            let outcome = try await dripping
            guard before.failures == 0, beside.failures == 0, beside.good == beside.waits.count else {
                throw BenchError("healthy clients met \(beside.failures) failures and \(beside.statuses)")
            }
            // Each is closed several times a minute, or within a second when it is not even listened to.
            guard outcome.closed >= sockets, outcome.closed < sockets * seconds else {
                throw BenchError("\(sockets) slow sockets were closed \(outcome.closed) times")
            }
            return [
                .p50: beside.waits.quantile(0.5), .p99: beside.waits.quantile(0.99),
                .calmP99: before.waits.quantile(0.99), .grownMegabytes: grown,
                .longestSeconds: outcome.longest.inSecondsExact, .closedSockets: Double(outcome.closed),
                .peakMegabytes: Meter.peakMegabytes(front.child.pid),
            ]
        }
    }
}

/// Lends a front before a queue of waiting jobs with the subjects s0, s1 and so on.
private func withFront<T: Sendable>(
    _ place: BenchPlace, jobs: Int, _ body: (FrontChild, [JobID]) async throws -> T
) async throws -> T {
    try await place.reset()
    let store = Store(place.settings, connectionsMax: 2)
    var definition = Definition(kind: Tick.name)
    definition.queue = "bench"
    definition.askedBy = .producer
    definition.seenBy = .reader
    try await store.publish(Definitions([definition]))
    let ids = try await store.enqueue(
        (0..<jobs).map { NewJob(Tick.name, args: JSON(text: "{\"n\":\($0)}"), subject: "s\($0)") })
    await store.close()
    let front = try await FrontChild.start(in: place)
    let result: Result<T, any Error>
    do { result = .success(try await body(front, ids.map(\.job))) } catch { result = .failure(error) }
    await front.end()
    return try result.get()
}
