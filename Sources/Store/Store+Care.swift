package import Jobs
internal import Postgres

extension Store {
    /// Makes the policies known to every producer. The last farm to start wins.
    package func publish(_ definitions: Definitions) async throws {
        try await database.run(
            all: definitions.kinds.compactMap { definitions[$0] }.map { Store.publishing($0, replaces: true) }
        )
    }

    /// Makes the policies known of kinds that no program has published yet, so that producers need not wait for a farm.
    /// Policies that are there stay as they are: a farm's start alone changes them.
    /// - Returns: the kinds that were new.
    package func publishMissing(_ definitions: Definitions) async throws -> [String] {
        let wanted = definitions.kinds
        let known = Set(
            try await database.run("SELECT kind FROM motorpool.kinds WHERE kind = ANY (\(wanted))")
                .map { try $0.get(0, as: String.self) })
        let missing = wanted.filter { !known.contains($0) }.compactMap { definitions[$0] }
        guard !missing.isEmpty else { return [] }
        let answers = try await database.run(all: missing.map { Store.publishing($0, replaces: false) })
        return zip(missing, answers).filter { $1.affected > 0 }.map(\.0.kind)
    }

    private static func publishing(_ it: Definition, replaces: Bool) -> SQL {
        let conflict = replaces ? replacing : "ON CONFLICT (kind) DO NOTHING"
        return """
            INSERT INTO motorpool.kinds AS k (kind, queue, priority, unique_policy, cooldown_seconds, cooldown_failed_seconds,
                keep, limited, limit_whole, limit_key, rate_whole_interval, rate_whole_burst, rate_key_interval, rate_key_burst,
                asked_by, callers_choose, seen_by)
            VALUES (\(it.kind), \(it.queue), \(it.priority.rawValue), \(it.unique.rawValue), \(it.cooldown.inSeconds),
                \(it.cooldownAfterFailure.inSeconds), \(it.keepsHistory), \(it.isLimited), \(it.limit.map { Int32($0) }),
                \(it.limitPerKey.map { Int32($0) }), \(it.rate?.interval.inSeconds), \(it.rate.map { Int32($0.burst) }),
                \(it.ratePerKey?.interval.inSeconds), \(it.ratePerKey.map { Int32($0.burst) }),
                \(it.callers.askedBy.rawValue), \(it.callers.mayChoose.map(\.rawValue).sorted()), \(it.callers.seenBy.rawValue))
            \(pasting: conflict)
            """
    }

    private static let replacing = """
        ON CONFLICT (kind) DO UPDATE SET queue = excluded.queue, priority = excluded.priority,
            unique_policy = excluded.unique_policy, cooldown_seconds = excluded.cooldown_seconds,
            cooldown_failed_seconds = excluded.cooldown_failed_seconds, keep = excluded.keep, limited = excluded.limited,
            limit_whole = excluded.limit_whole, limit_key = excluded.limit_key,
            rate_whole_interval = excluded.rate_whole_interval, rate_whole_burst = excluded.rate_whole_burst,
            rate_key_interval = excluded.rate_key_interval, rate_key_burst = excluded.rate_key_burst, asked_by = excluded.asked_by,
            callers_choose = excluded.callers_choose, seen_by = excluded.seen_by, published_at = now()
        """

    /// Moves up to `batch` due jobs into line.
    /// - Returns: how many moved, and the queues to ring.
    package func moveDue(batch: Int) async throws -> (moved: Int, queues: Set<String>) {
        let rows = try await database.run(
            "SELECT queue, moved, kinds FROM motorpool.move_due(\(Int32(batch)))")
        var moved = 0
        var queues = Set<String>()
        for row in rows {
            queues.insert(try row.get(0))
            moved += Int(try row.get(1, as: Int32.self))
        }
        return (moved, queues)
    }

    /// How long until the next scheduled job is due; zero when one is overdue, `nil` when there is none.
    package func nextDue() async throws -> Duration? {
        let rows = try await database.run(
            """
            SELECT extract(epoch FROM run_at - now())::double precision FROM motorpool.jobs WHERE state = 2
            ORDER BY run_at LIMIT 1
            """)
        return try rows.first.map { .seconds(max(0, try $0.get(0, as: Double.self))) }
    }

    /// Lets held jobs go as far as limits and rates have room. A kind whose turn fails stops no other.
    /// - Returns: the queues of kinds of which any went; `failures`: the kinds whose turn failed.
    package func admit() async throws -> (queues: Set<String>, failures: [(kind: String, error: any Error)]) {
        do {
            return (try await admitAll(), [])
        } catch PostgresError.server {
            return try await admitEach()
        }
    }

    /// Each kind in a transaction of its own, for when all of them together failed.
    private func admitEach() async throws -> (Set<String>, [(kind: String, error: any Error)]) {
        let kinds = try await database.run(
            """
            SELECT k.kind, k.queue FROM motorpool.kinds k WHERE k.limited
                AND EXISTS (SELECT 1 FROM motorpool.jobs j WHERE j.kind = k.kind AND j.held = 1)
            ORDER BY k.kind LIMIT \(Int64(Store.namesMax))
            """)
        var queues = Set<String>()
        var failures: [(kind: String, error: any Error)] = []
        for row in kinds {
            let kind: String = try row.get(0)
            do {
                let count = try await database.run("SELECT motorpool.admit(\(kind))").first?.get(
                    0, as: Int32.self)
                if count ?? 0 > 0 { queues.insert(try row.get(1)) }
            } catch PostgresError.server(let error) {
                failures.append((kind, PostgresError.server(error)))
            }
        }
        return (queues, failures)
    }

    private func admitAll() async throws -> Set<String> {
        let rows = try await database.run(
            """
            SELECT a.queue FROM (SELECT k.queue, motorpool.admit(k.kind) AS n FROM motorpool.kinds k WHERE k.limited
                AND EXISTS (SELECT 1 FROM motorpool.jobs j WHERE j.kind = k.kind AND j.held = 1)) a
            WHERE a.n > 0
            """)
        return Set(try rows.map { try $0.get(0) })
    }

    /// Moves the oldest of starved levels up, where something more urgent is in line.
    package func lift(queue: String, after: Duration, batch: Int) async throws -> Int {
        let rows = try await database.run(
            "SELECT motorpool.lift(\(queue), \(after.inSeconds), \(Int32(batch)))")
        return Int(try rows.first?.get(0, as: Int32.self) ?? 0)
    }

    /// Reserves requests to a host under a rate that holds for the whole cluster.
    /// - Returns: in how long each of the granted ones may go; when none was granted, because all of the next second is
    ///   promised, in how long to ask again.
    package func reserve(
        host: String, wanted: Int, rate: Rate
    ) async throws -> (granted: [Duration], askAgainIn: Duration) {
        let gap = rate.interval.inSeconds
        let rows = try await database.run(
            "SELECT granted, first_in FROM motorpool.reserve(\(host), \(Int32(wanted)), \(gap), \(Int32(rate.burst)))"
        )
        guard let row = rows.first else { throw PostgresError.decoding("reserve answered no row") }
        let granted = Int(try row.get(0, as: Int32.self))
        let first: Double = try row.get(1)
        return ((0..<granted).map { .seconds(max(0, first + gap * Double($0))) }, .seconds(max(0.01, first)))
    }
}
