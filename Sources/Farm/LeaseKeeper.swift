internal import Jobs
internal import Platform
internal import Postgres
internal import Store

/// Keeps the worker's lease on a thread and a connection of its own, so that no busy lane, exhausted pool or slow
/// statement can silence it.
///
/// When no renewal that began within two thirds of the lease has succeeded, or the row is gone, the process no longer
/// believes in its lease: `onLost` is called, whatever was claimed is given up, and the keeper registers anew.
///
/// A lease says that this process takes and settles jobs, and not only that one thread of it lives. So it is renewed only
/// while ticks through the engine's pool and through the run threads come back within the lease.
final class LeaseKeeper: Sendable {
    private struct State {
        var worker: WorkerID?
        /// Given up by ourselves while its row may still stand: what it holds is handed back before the next one begins.
        var lost: WorkerID?
        var isDraining = false
        var isStopping = false
        /// What the row holds at the end belongs to runs that don't end: they are for a rescue.
        var leavesJobs = false
        var renewedAt = BootClock.now
    }

    private let settings: ConnectionSettings
    private let farm: FarmSettings
    private let stats: @Sendable () -> JSON
    private let silence: @Sendable () -> Duration
    private let onRegistered: @Sendable (WorkerID) -> Void
    private let onLost: @Sendable (WorkerID, _ why: String) -> Void
    private let onTrouble: @Sendable (String) -> Void
    private let state = Lock(State())
    private let waker: Waker

    /// - Parameters:
    ///   - stats: what the row tells of this process.
    ///   - silence: for how long nothing has come back from the threads that do the work.
    init(
        settings: ConnectionSettings, farm: FarmSettings, stats: @escaping @Sendable () -> JSON,
        silence: @escaping @Sendable () -> Duration,
        onRegistered: @escaping @Sendable (WorkerID) -> Void,
        onLost: @escaping @Sendable (WorkerID, _ why: String) -> Void,
        onTrouble: @escaping @Sendable (String) -> Void
    ) throws {
        self.settings = settings
        self.farm = farm
        self.stats = stats
        self.silence = silence
        self.onRegistered = onRegistered
        self.onLost = onLost
        self.onTrouble = onTrouble
        waker = try Waker()
    }

    /// The worker whose lease is believed in now.
    var worker: WorkerID? { state.withLock { $0.worker } }

    /// Whether what was claimed by `worker` is still this process's to work on.
    func holds(_ worker: WorkerID) -> Bool {
        let (current, age) = state.withLock { ($0.worker, BootClock.now - $0.renewedAt) }
        return current == worker && age < farm.lease * 2 / 3
    }

    func start() -> BlockingThread {
        BlockingThread.start("lease") { self.keep() }
    }

    /// From the next renewal on, the row says that no new work is taken.
    func drain() {
        state.withLock { $0.isDraining = true }
        waker.wake()
    }

    /// Renews now, so that what the row tells is fresh.
    func renewSoon() { waker.wake() }

    /// `stop` will leave what the row still holds to a rescue.
    func leaveJobs() { state.withLock { $0.leavesJobs = true } }

    /// Leaves: hands back what the row may still hold, and removes the row. The thread ends.
    func stop() {
        state.withLock { $0.isStopping = true }
        waker.wake()
    }

    private func keep() {
        var session: Session?
        var failures = 0
        while !state.withLock({ $0.isStopping }) {
            do {
                if session == nil || session?.isBroken == true {
                    session = try Session.open(settings, deadline: farm.lease / 3)
                }
                let silence = silence()
                if silence >= farm.lease {
                    fenceIfOverdue(why: "every thread of the process has been blocked for \(silence.text)")
                    waker.wait(atMost: farm.lease / 6)
                    continue
                }
                if let session { try renewOrRegister(session) }
                failures = 0
                waker.wait(atMost: farm.lease / 3)
            } catch {
                session?.close()
                session = nil
                failures += 1
                onTrouble("renewing the lease: \(String(reflecting: error))")
                fenceIfOverdue(why: "no renewal succeeded for two thirds of the lease")
                waker.wait(atMost: min(Duration.milliseconds(100 * failures), farm.lease / 6))
            }
        }
        leave(session)
    }

    private func renewOrRegister(_ session: Session) throws {
        fenceIfOverdue(why: "the process stood still for longer than its lease")
        let began = BootClock.now
        guard let worker else { return try register(session) }
        farm.killPoint?.pass(.duringRenewal)
        let isDraining = state.withLock { $0.isDraining }
        let answer = try session.run(
            Lease.renew(worker, seconds: farm.lease.inSeconds, draining: isDraining, stats: stats()),
            within: farm.lease / 3)
        guard answer.first != nil else {
            lose(worker, why: "another worker rescued it")
            return try register(session)
        }
        state.withLock { $0.renewedAt = began }
    }

    private func register(_ session: Session) throws {
        // We live, so nothing that we held is suspected of killing its worker. The fence refuses what it still writes.
        if let lost = state.withLock({ $0.lost }) {
            _ = try session.run(all: Lease.leave(lost), within: farm.lease / 3)
            state.withLock { $0.lost = nil }
        }
        let began = BootClock.now
        let row = try session.run(
            Lease.register(
                name: farm.name, queues: farm.lanes.keys.sorted(), kinds: farm.definitions.kinds,
                seconds: farm.lease.inSeconds), within: farm.lease / 3
        ).first
        guard let row else { throw PostgresError.decoding("a registration answered no row") }
        let worker = WorkerID(try row.get(0))
        state.withLock {
            $0.worker = worker
            $0.renewedAt = began
        }
        onRegistered(worker)
    }

    private func fenceIfOverdue(why: String) {
        let overdue = state.withLock { state -> WorkerID? in
            BootClock.now - state.renewedAt >= farm.lease * 2 / 3 ? state.worker : nil
        }
        if let overdue { lose(overdue, why: why) }
    }

    private func lose(_ worker: WorkerID, why: String) {
        state.withLock {
            $0.worker = nil
            $0.lost = worker
        }
        onLost(worker, why)
    }

    /// Best effort: a row that stays is rescued when its lease ends.
    private func leave(_ session: Session?) {
        guard let worker, let session, !session.isBroken else { return }
        let leavesJobs = state.withLock { $0.leavesJobs }
        do {
            _ = try session.run(
                all: leavesJobs ? [Lease.expire(worker)] : Lease.leave(worker), within: .seconds(3))
        } catch {
            onTrouble("leaving: \(String(reflecting: error))")
        }
        session.close()
    }
}
