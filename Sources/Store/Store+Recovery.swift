package import Jobs
internal import Postgres

/// What a rescue found.
package struct Rescue: Sendable {
    package let worker: WorkerID
    package let name: String
    /// Jobs that wait again: at full width after the first death that they met, alone after the second.
    package let recovered: Int
    /// Jobs that are dead now, because they were running alone when one worker too many died.
    package let setAside: Int
}

/// What a release found.
package enum Released: Hashable, Sendable {
    /// It waits at its ordinary level, and its worker deaths are forgotten.
    case released
    /// It waits, and no worker died while running it: there is nothing to release.
    case notRecovered
    /// Only waiting jobs can be released; this one is in another state.
    case notWaiting(ToldState)
    case unknown
}

extension Store {
    /// A suspect may be charged so often while other jobs ran in its process; the next charge sets it aside. The first
    /// charge does when nothing else was running there.
    package static let recoveriesMax = 2

    /// Takes the jobs of workers whose lease has ended: at most ten workers a turn.
    package func rescue() async throws -> [Rescue] {
        let rows = try await database.run(
            "SELECT worker, name, recovered, set_aside FROM motorpool.rescue(\(Int32(Store.recoveriesMax)))")
        return try rows.map { row in
            Rescue(
                worker: WorkerID(try row.get(0)), name: try row.get(1),
                recovered: Int(try row.get(2, as: Int32.self)),
                setAside: Int(try row.get(3, as: Int32.self)))
        }
    }

    /// Takes jobs whose worker's row is gone, ten seconds after their claim: at most 1,000 a turn.
    package func rescueOrphans() async throws -> Int {
        Int(try await database.run("SELECT motorpool.rescue_orphans()").first?.get(0, as: Int32.self) ?? 0)
    }

    /// Notes that a lane begins this run of a recovered job, so that the death of its worker counts. A stale token
    /// writes nothing; twice is once.
    ///
    /// Not flushed to the disk: a crash of the server may lose it, and does not end the worker.
    package func begin(_ token: RunToken) async throws {
        try await hot.run(
            """
            UPDATE motorpool.jobs SET begun = run
            WHERE id = \(token.job.number) AND run = \(token.run) AND worker IS NOT NULL
                AND set_config('synchronous_commit', 'off', true) IS NOT NULL
            """, within: Store.hotTimeout + .seconds(2))
    }

    /// Whether a suspect that must be the only one of its process can be claimed from one of these queues.
    package func hasLoneSuspects(in queues: [String], kinds: [String]) async throws -> Bool {
        try await hot.run(
            """
            SELECT 1 FROM motorpool.jobs j WHERE j.deaths IS NOT NULL AND j.queue = ANY (\(queues))
                AND j.level = \(Level.loneSuspect.rawValue) AND j.state = 0 AND j.kind = ANY (\(kinds))
                AND NOT EXISTS (SELECT FROM motorpool.queues q WHERE q.name = j.queue AND q.paused_at IS NOT NULL) LIMIT 1
            """, within: Store.hotTimeout + .seconds(2)
        ).count > 0
    }

    /// Puts a recovered job that waits back to its ordinary level, its worker deaths forgotten, and notes who did it.
    package func release(_ job: JobID, by actor: Operator) async throws -> Released {
        let (released, queue) = try await database.transaction { tx -> (Released, String?) in
            let row = try await tx.run("SELECT verdict, ring FROM motorpool.release(\(job.number))").first
            let verdict = try row?.get(0, as: String.self) ?? "unknown"
            guard verdict == "released" else {
                guard let state = ToldState(rawValue: verdict) else { return (.unknown, nil) }
                return (state == .waiting ? .notRecovered : .notWaiting(state), nil)
            }
            try await tx.run(Store.noting("release", "job \(job)", count: 1, by: actor))
            return (.released, try row?.get(1))
        }
        if let queue { await bell.ring([queue]) }
        return released
    }
}
