import Glibc
import Jobs
import Postgres
import Store

/// Every lane sleeps in C, and with them every thread of Swift's pool.
struct BlockedLanes: Scenario {
    static let name = "blocked-lanes"
    static let promise = "lanes blocked in C for three leases cost nobody the lease"

    func play(_ theatre: Theatre) async throws -> Verdict {
        // As many lanes as the pool has threads: none is left for anything else.
        let lanes = max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
        let policies = ["sleep": "queue = sleepers\nlanes = \(lanes)\ntime_limit = 1h"]
        return try await theatre.withStage("blocked_lanes", policies: policies) { stage in
            var settings = stage.workerSettings()
            // A busy machine may take a second to answer a renewal; that is not what is tried here.
            settings.lease = .seconds(3)
            settings.queues = ["sleepers"]
            let blocked = try stage.start("blocked", settings)
            settings.queues = ["trial"]
            let rescuer = try stage.start("rescuer", settings)
            try await stage.waitUntilWorking([blocked, rescuer])
            let before = try await stage.id(of: blocked)
            let seconds = settings.lease.inSeconds * 3
            let job = NewJob("sleep", args: JSON(text: "{\"seconds\":\(seconds),\"block\":true}"))
            _ = try await stage.store.enqueue((0..<lanes).map { _ in job })
            try await stage.drain(within: settings.lease * 6)
            let after = try await stage.id(of: blocked)
            let runs = try await Ledger.read(stage.store.database).endings.map(\.run)
            let rescues = [blocked, rescuer].count { $0.hasLogged("rescued") }
            let losses = [blocked, rescuer].flatMap { $0.messages(of: "lease_lost") }
            return Verdict(
                "\(lanes) lanes blocked for \(seconds) s, \(rescues) rescues, \(losses.isEmpty ? "no lease" : losses.joined(separator: ", ")) lost, runs \(runs)",
                [
                    ("the same worker", before == after && before != nil), ("no rescue", rescues == 0),
                    ("no lease lost", losses.isEmpty),
                    ("each run once", runs == Array(repeating: 1, count: lanes)),
                ])
        }
    }
}
