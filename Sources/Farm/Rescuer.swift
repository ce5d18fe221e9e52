internal import Jobs
internal import Store

/// Takes the jobs of workers whose lease has ended. Every process has one.
struct Rescuer: Sendable {
    let store: Store
    let interval: Duration
    let queues: Set<String>
    let tell: @Sendable (FarmEvent) -> Void

    func run() async {
        while !Task.isCancelled {
            do {
                try await runOnce()
            } catch is CancellationError {
                return
            } catch {
                tell(.trouble("rescuing: \(String(reflecting: error))"))
            }
            try? await Task.sleep(for: interval * Double.random(in: 0.8...1.2))
        }
    }

    func runOnce() async throws {
        let rescues = try await store.rescue()
        for rescue in rescues {
            tell(.rescued(worker: rescue.name, recovered: rescue.recovered, setAside: rescue.setAside))
        }
        let orphans = try await store.rescueOrphans()
        if orphans > 0 { tell(.orphansRescued(count: orphans)) }
        if !rescues.isEmpty || orphans > 0 { store.bell.ringSoon(queues) }
    }
}
