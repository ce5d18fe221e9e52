internal import Farm
internal import Glibc
internal import Jobs
internal import Platform
internal import Postgres
internal import Store

/// Four producers that enqueue one job at a time as fast as they can, and a farm that keeps up, in one process.
struct Steady: Sendable {
    let place: BenchPlace

    static let producers = 4
    static let span = Duration.seconds(5)

    func measure() async throws -> Sample {
        try await place.reset()
        var definition = Definition(kind: Tick.name)
        definition.keepsHistory = false
        definition.lanes = 8
        let store = Store(place.settings)
        try await store.publish(Definitions([definition]))
        let farm = Farm(
            store: store, settings: FarmSettings(name: "bench", definitions: Definitions([definition])),
            kinds: [AnyKind(Tick(marks: Marks()))])
        async let working: Void = farm.run()
        let meter = try await Meter.start(place.database, workers: [getpid()])
        let result: Result<Int, any Error>
        do { result = .success(try await produce(store)) } catch { result = .failure(error) }
        let deadline = ContinuousClock.now + .seconds(10)
        while let count = try? result.get(), farm.counts.done < count, ContinuousClock.now < deadline {
            try await Task.sleep(for: .milliseconds(2))
        }
        let measured = try await meter.stop(jobs: try result.get())
        farm.stop()
        try await working
        await store.close()
        return measured
    }

    private func produce(_ store: Store) async throws -> Int {
        let end = ContinuousClock.now + Steady.span
        return try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<Steady.producers {
                group.addTask {
                    var count = 0
                    while ContinuousClock.now < end {
                        _ = try await store.enqueue(NewJob(Tick.name, args: "{\"n\":1}"))
                        count += 1
                    }
                    return count
                }
            }
            return try await group.reduce(0, +)
        }
    }
}
