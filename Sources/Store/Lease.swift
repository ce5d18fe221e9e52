package import Jobs
package import Postgres

/// The row that says that a worker process lives. Statements as values, because the lease is kept by a thread and a
/// connection of its own.
package enum Lease {
    /// Enters a new worker. Answers its id.
    package static func register(
        name: String, queues: [String], kinds: [String], seconds: Double
    ) -> SQL {
        """
        INSERT INTO motorpool.workers (name, lease_until, queues, kinds)
        VALUES (\(name), now() + make_interval(secs => \(seconds)), \(queues), \(kinds)) RETURNING id
        """
    }

    /// Extends the lease. Answers no row when the worker was rescued: whatever it held is no longer its own.
    package static func renew(_ worker: WorkerID, seconds: Double, draining: Bool, stats: JSON) -> SQL {
        """
        UPDATE motorpool.workers SET lease_until = now() + make_interval(secs => \(seconds)), draining = \(draining),
            stats = \(PostgresValue.json(stats.bytes))
        WHERE id = \(worker.number) RETURNING id
        """
    }

    /// Ends the lease now, and leaves what it still holds to a rescue: those runs go on until their process is gone.
    package static func expire(_ worker: WorkerID) -> SQL {
        """
        UPDATE motorpool.workers SET lease_until = now() - interval '1 millisecond', draining = true
        WHERE id = \(worker.number)
        """
    }

    /// Leaves in good order: what it may still hold comes back in line at once, uncharged.
    package static func leave(_ worker: WorkerID) -> [SQL] {
        [
            "UPDATE motorpool.jobs SET state = 0, worker = NULL WHERE worker = \(worker.number) AND state = 1",
            "DELETE FROM motorpool.workers WHERE id = \(worker.number)",
        ]
    }
}
