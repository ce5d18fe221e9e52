import Farm
import Glibc
import Platform
import Postgres

/// Starts worker processes, does to each what the plan says, and starts the next at once.
final class Lives: Sendable {
    struct Counts: Sendable {
        var kills = 0
        /// Of these: at a named place.
        var killsAtPlaces = 0
        var stops = 0
        var drains = 0
        /// Drains that did not end within their grace time and ten seconds; killed, with what was said last.
        var drainsOverdue: [String] = []
        /// Starts that found no database (exit code 69): the server had just been crashed, or the connection cut.
        var startsInVain = 0
        /// Processes that ended by themselves, in a way nobody asked for.
        var deathsUnasked: [String] = []
    }

    private struct State {
        var lives: ArraySlice<FaultPlan.Life>
        var counts = Counts()
        var started = 0
    }

    private let stage: Stage
    private let settings: WorkerProcess.Settings
    private let watch: RecoveryWatch
    private let state: Lock<State>

    /// A place that is not reached in this time is not waited for.
    private static let placeMax = Duration.seconds(4)

    init(_ plan: FaultPlan, stage: Stage, settings: WorkerProcess.Settings, watch: RecoveryWatch) {
        self.stage = stage
        self.settings = settings
        self.watch = watch
        state = Lock(State(lives: plan.lives[...]))
    }

    var counts: Counts { state.withLock { $0.counts } }
    var left: Int { state.withLock { $0.lives.count } }

    /// Plays every life, on so many workers at once.
    /// - Parameter encore: another life, or nil for none; asked when the plan is played.
    /// - Returns: the workers that live on, undisturbed.
    func play(
        workers: Int, encore: @escaping @Sendable () async throws -> FaultPlan.Life?
    ) async throws -> [WorkerProcess] {
        try await withThrowingTaskGroup(of: WorkerProcess.self) { slots in
            for _ in 0..<workers {
                slots.addTask {
                    while let life = self.next() { try await self.playOut(life) }
                    while let life = try await encore() { try await self.playOut(life) }
                    return try await self.startAtWork(nil)
                }
            }
            return try await slots.reduce(into: []) { $0.append($1) }
        }
    }

    private func next() -> FaultPlan.Life? { state.withLock { $0.lives.popFirst() } }

    private func start(_ killPoint: String?) throws -> WorkerProcess {
        let number = state.withLock { state in
            state.started += 1
            return state.started
        }
        return try stage.start("torture-\(number)", settings, killPoint: killPoint)
    }

    /// Starts a worker that comes to work, as whoever supervises it would: once more when it found no database.
    private func startAtWork(_ killPoint: String?) async throws -> WorkerProcess {
        if killPoint != nil, await stage.hasTwiceStruck { try await workInPeace() }
        while true {
            let worker = try start(killPoint)
            try await waitForWork(worker)
            guard worker.ended == .exited(Lives.noDatabase) else { return worker }
            state.withLock { $0.counts.startsInVain += 1 }
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    /// A worker that nothing happens to, for as long as there are jobs to be spared.
    private func workInPeace() async throws {
        let worker = try await startAtWork(nil)
        try await stage.spareTheTwiceStruck()
        try await drain(worker)
    }

    private static let noDatabase: Int32 = 69

    /// Plays a life until its fault has happened: a process may end before, for want of a database.
    private func playOut(_ life: FaultPlan.Life) async throws {
        for _ in 0..<Lives.triesMax {
            if try await play(life) { return }
            try await Task.sleep(for: .milliseconds(200))
        }
    }

    private static let triesMax = 20

    /// - Returns: whether the fault happened.
    private func play(_ life: FaultPlan.Life) async throws -> Bool {
        switch life {
        case .killedYoung(let age):
            let worker = try start(nil)
            try await Task.sleep(for: age)
            return await kill(worker)
        case .killedAtWork(let age):
            let worker = try await startAtWork(nil)
            try await Task.sleep(for: age)
            try await stage.spareTheTwiceStruck()
            return await kill(worker)
        case .killedAt(let place, _):
            let worker = try await startAtWork(life.killPoint)
            if place == .duringDrain { worker.signal(SIGTERM) }
            let hasEnded = try await worker.waitForEnd(within: Lives.placeMax) != nil
            return hasEnded ? await died(worker, atPlace: true) : await kill(worker)
        case .stoppedAtWork(let age):
            let worker = try await startAtWork(nil)
            try await Task.sleep(for: age)
            try await stage.spareTheTwiceStruck()
            worker.signal(SIGSTOP)
            return try await standStill(worker)
        case .stoppedAt:
            let worker = try await startAtWork(life.killPoint)
            let deadline = ContinuousClock.now + Lives.placeMax
            while !worker.isStopped, worker.ended == nil, ContinuousClock.now < deadline {
                try await Task.sleep(for: .milliseconds(10))
            }
            worker.signal(SIGSTOP)
            return try await standStill(worker)
        }
    }

    /// Returns when the worker holds a job, or after a while without.
    private func waitForWork(_ worker: WorkerProcess) async throws {
        let deadline = ContinuousClock.now + .seconds(3)
        while ContinuousClock.now < deadline, worker.ended == nil, !worker.isStopped {
            let held = try? await stage.count(
                "SELECT count(*) FROM motorpool.jobs WHERE worker = (SELECT id FROM motorpool.workers WHERE name = \(worker.name) ORDER BY id DESC LIMIT 1)"
            )
            if held ?? 0 > 0 { return }
            try await Task.sleep(for: .milliseconds(15))
        }
    }

    private func kill(_ worker: WorkerProcess) async -> Bool {
        worker.kill()
        return await died(worker, atPlace: false)
    }

    /// - Returns: whether it was killed.
    private func died(_ worker: WorkerProcess, atPlace: Bool) async -> Bool {
        guard worker.ended == .signalled(SIGKILL) else {
            ended(worker)
            return false
        }
        state.withLock { state in
            state.counts.kills += 1
            state.counts.killsAtPlaces += atPlace ? 1 : 0
        }
        await watch.noteDeath(of: worker.name)
        return true
    }

    /// It ended before we laid hands on it.
    private func ended(_ worker: WorkerProcess) {
        let words = lastWords(of: worker)
        state.withLock { state in
            if worker.ended == .exited(Lives.noDatabase) {
                state.counts.startsInVain += 1
            } else {
                state.counts.deathsUnasked.append(words)
            }
        }
    }

    /// Asks the workers that were left alone to end, and looks how they do it.
    func leave(_ survivors: [WorkerProcess]) async throws {
        for worker in survivors { worker.signal(SIGTERM) }
        for worker in survivors
        where try await worker.waitForEnd(within: settings.grace + .seconds(10)) != .exited(0) {
            ended(worker)
        }
    }

    private func lastWords(of worker: WorkerProcess) -> String {
        let lines = worker.lines.filter { !$0.contains("\"run_") && !$0.contains("\"claimed\"") }.suffix(8)
        return "\(worker.name) \(worker.ended.map { "\($0)" } ?? "lives"): \(lines.joined(separator: " | "))"
    }

    /// Two leases under SIGSTOP, a moment to find out, and an end in good order.
    /// - Returns: whether it stood still.
    private func standStill(_ worker: WorkerProcess) async throws -> Bool {
        guard worker.ended == nil else {
            ended(worker)
            return false
        }
        try await Task.sleep(for: settings.lease * 2)
        worker.signal(SIGCONT)
        state.withLock { $0.counts.stops += 1 }
        try await Task.sleep(for: .milliseconds(700))
        try await drain(worker)
        return true
    }

    private func drain(_ worker: WorkerProcess) async throws {
        guard worker.ended == nil else { return }
        worker.signal(SIGTERM)
        state.withLock { $0.counts.drains += 1 }
        let deadline = ContinuousClock.now + settings.grace + .seconds(10)
        while worker.ended == nil, ContinuousClock.now < deadline {
            // It may reach only now the place where it was told to stop itself.
            if worker.isStopped { worker.signal(SIGCONT) }
            try await Task.sleep(for: .milliseconds(20))
        }
        guard worker.ended == nil else { return }
        worker.kill()
        let words = lastWords(of: worker)
        state.withLock { $0.counts.drainsOverdue.append(words) }
    }
}
