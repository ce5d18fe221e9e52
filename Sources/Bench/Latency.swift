internal import Farm
internal import Jobs
internal import Platform
internal import Postgres
internal import Store

/// From the call of a single enqueue to the start of the run, at 100 jobs a second, farm and producer in one process.
struct Latency: Sendable {
    let place: BenchPlace
    let seconds: Int

    func measure() async throws -> Sample {
        try await place.reset()
        var definition = Definition(kind: Tick.name)
        definition.keepsHistory = false
        definition.lanes = 8
        let marks = Marks()
        let store = Store(place.settings)
        let farm = Farm(
            store: store, settings: FarmSettings(name: "bench", definitions: Definitions([definition])),
            kinds: [AnyKind(Tick(marks: marks))])
        let count = seconds * 100
        async let working: Void = farm.run()
        let began: Result<[ContinuousClock.Instant], any Error>
        do { began = .success(try await enqueue(count, store, marks)) } catch { began = .failure(error) }
        farm.stop()
        try await working
        await store.close()
        let times = try began.get()
        let waits = times.enumerated().compactMap { index, time in
            marks.started(index).map { ($0 - time).inSecondsExact * 1000 }
        }.sorted()
        guard waits.count == count else {
            throw BenchError("\(count - waits.count) of \(count) jobs did not start")
        }
        return [.rate: 100, .p50: waits.quantile(0.5), .p99: waits.quantile(0.99)]
    }

    private func enqueue(_ count: Int, _ store: Store, _ marks: Marks) async throws -> [ContinuousClock
        .Instant]
    {
        try await waitForKind(store)
        let first = ContinuousClock.now + .milliseconds(200)
        var times: [ContinuousClock.Instant] = []
        for index in 0..<count {
            try await Task.sleep(until: first + .milliseconds(10 * index), clock: .continuous)
            times.append(.now)
            _ = try await store.enqueue(NewJob(Tick.name, args: JSON(text: "{\"n\":\(index)}")))
        }
        let deadline = ContinuousClock.now + .seconds(10)
        while marks.count < count, ContinuousClock.now < deadline {
            try await Task.sleep(for: .milliseconds(5))
        }
        return times
    }

    /// The farm publishes its kinds before anyone may ask for them.
    private func waitForKind(_ store: Store) async throws {
        let deadline = ContinuousClock.now + .seconds(10)
        while ContinuousClock.now < deadline {
            let live: Int64 =
                try await place.database.run(
                    "SELECT count(*) FROM motorpool.workers WHERE 'tick' = ANY (kinds)"
                ).first?.get(0) ?? 0
            if live > 0 { return }
            try await Task.sleep(for: .milliseconds(10))
        }
        throw BenchError("the farm did not start within ten seconds")
    }
}

/// When each run of the latency case began.
final class Marks: Sendable {
    private let starts = Lock<[Int: ContinuousClock.Instant]>([:])

    var count: Int { starts.withLock { $0.count } }

    func mark(_ index: Int) { starts.withLock { $0[index] = $0[index] ?? .now } }

    func started(_ index: Int) -> ContinuousClock.Instant? { starts.withLock { $0[index] } }
}

/// The job of the latency case: marks its start.
struct Tick: JobKind {
    static let name = "tick"
    let marks: Marks

    struct Args: Decodable, Sendable {
        var n: Int
    }

    func run(_ args: Args, _ run: Run) async throws -> Outcome {
        marks.mark(args.n)
        return .done()
    }
}
