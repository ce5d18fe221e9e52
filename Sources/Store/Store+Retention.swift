internal import Postgres

/// What a turn of retention removed and repaired.
package struct Retained: Sendable {
    package var partitionsEmptied = 0
    /// Rows of old history where the role may not TRUNCATE.
    package var historyRemoved = 0
    package var keysRemoved = 0
    package var deadRemoved = 0
    package var subjectsRemoved = 0
    /// Jobs of anonymous callers whose history went after a day.
    package var strangersForgotten = 0
    /// Subjects whose job was in no table any more.
    package var subjectsRepaired = 0
    /// Jobs that waited for children that were in no table any more.
    package var parentsRepaired = 0
    /// Steps that failed, each with its error; the others were done.
    package var failures: [(step: RetentionStep, error: any Error)] = []
}

/// A part of retention. Each stands for itself: one that fails stops no other.
package enum RetentionStep: String, Sendable, CaseIterable {
    case history
    case keys
    case dead
    case subjects
    case progress
    case rates
    case lostSubjects = "lost subjects"
    case lostChildren = "lost children"
    case audit
    case askers
    case strangers = "anonymous callers"
}

/// How far the walk over all subjects came, for the next turn to go on.
package struct SubjectWalk: Sendable {
    fileprivate var kind = ""
    fileprivate var subject = ""

    package init() {}
}

extension Store {
    /// The history of an anonymous caller's job is kept for so long.
    package static let strangerHours = 24

    /// Removes what is older than its time: whole history partitions by TRUNCATE, ledgers in batches of 1,000; and ends
    /// subjects, and waits for children, whose jobs were removed by hand.
    ///
    /// TRUNCATE waits at most 50 ms for its lock, so that no other session waits longer behind it; a partition that is
    /// being read is left for the next turn. A role that may not TRUNCATE deletes in batches.
    /// - Parameters:
    ///   - historyDays: 1…30, today not counted.
    ///   - keyHours: at least 24.
    ///   - walk: where the last turn stopped; a turn looks at 100,000 subjects.
    /// - Throws: when the database does not answer; what the server refuses to a step is in the answer.
    package func retain(
        historyDays: Int, keyHours: Int, deadDays: Int, walk: inout SubjectWalk
    ) async throws -> Retained {
        precondition((1...30).contains(historyDays) && keyHours >= 24 && deadDays >= 1)
        var retained = Retained()
        for step in RetentionStep.allCases {
            do {
                switch step {
                case .history: try await emptyHistory(days: historyDays, &retained)
                case .keys: retained.keysRemoved = try await remove(oldKeys(hours: keyHours))
                case .dead: retained.deadRemoved = try await remove(oldDead(days: deadDays))
                case .subjects: retained.subjectsRemoved = try await remove(oldSubjects(days: deadDays))
                case .progress: try await database.run(Store.oldProgress)
                case .rates: try await remove(Store.oldRates)
                case .lostSubjects: retained.subjectsRepaired = try await repairSubjects(&walk)
                case .lostChildren: retained.parentsRepaired = try await repairParents()
                case .audit: _ = try await trimAudit()
                case .askers: try await forgetAskers(historyDays: historyDays)
                case .strangers:
                    retained.strangersForgotten = try await forgetStrangers(hours: Store.strangerHours)
                }
            } catch PostgresError.server(let error) {
                retained.failures.append((step, PostgresError.server(error)))
            }
        }
        return retained
    }

    /// The same from the first subject on.
    package func retain(historyDays: Int, keyHours: Int, deadDays: Int) async throws -> Retained {
        var walk = SubjectWalk()
        return try await retain(
            historyDays: historyDays, keyHours: keyHours, deadDays: deadDays, walk: &walk)
    }

    // MARK: Ledgers

    private func oldKeys(hours: Int) -> SQL {
        """
        DELETE FROM motorpool.keys WHERE (scope, key) IN (SELECT scope, key FROM motorpool.keys
            WHERE created_at < now() - make_interval(hours => \(Int32(hours)))
              AND NOT EXISTS (SELECT 1 FROM motorpool.jobs j WHERE j.id = keys.job) LIMIT 1000)
        """
    }

    private func oldDead(days: Int) -> SQL {
        """
        DELETE FROM motorpool.dead WHERE id IN (SELECT id FROM motorpool.dead
            WHERE died_at < now() - make_interval(days => \(Int32(days))) LIMIT 1000)
        """
    }

    private func oldSubjects(days: Int) -> SQL {
        """
        DELETE FROM motorpool.subjects WHERE (kind, subject) IN (SELECT kind, subject FROM motorpool.subjects
            WHERE NOT live AND settled_at < now() - make_interval(days => \(Int32(days))) LIMIT 1000)
        """
    }

    private static let oldProgress: SQL = """
        DELETE FROM motorpool.progress p WHERE at < now() - interval '1 hour'
            AND NOT EXISTS (SELECT 1 FROM motorpool.jobs j WHERE j.id = p.job AND j.run = p.run)
        """

    private static let oldRates: SQL = """
        DELETE FROM motorpool.rates WHERE (kind, key) IN (SELECT kind, key FROM motorpool.rates
            WHERE arrival < now() - interval '1 day' LIMIT 1000)
        """

    @discardableResult
    private func remove(_ statement: SQL) async throws -> Int {
        var removed = 0
        // Bounded: what is left after a hundred batches waits for the next turn.
        for _ in 0..<100 {
            let batch = try await database.run(statement).affected
            removed += batch
            if batch < 1000 { break }
        }
        return removed
    }

    // MARK: History

    /// One partition that fails leaves the others to be emptied; the last failure is thrown.
    private func emptyHistory(days: Int, _ retained: inout Retained) async throws {
        var failure: (any Error)?
        for (name, mayTruncate) in try await partitionsToEmpty(historyDays: days) {
            do {
                switch mayTruncate ? try await truncate(name) : .refused {
                case .done: retained.partitionsEmptied += 1
                case .busy: break
                case .refused: retained.historyRemoved += try await delete(from: name)
                }
            } catch PostgresError.server(let error) {
                failure = PostgresError.server(error)
            }
        }
        if let failure { throw failure }
    }

    private func delete(from name: String) async throws -> Int {
        try await remove(
            """
            DELETE FROM motorpool.\(pasting: name) WHERE ctid = ANY (ARRAY(
                SELECT h.ctid FROM motorpool.\(pasting: name) h LIMIT 1000))
            """)
    }

    /// The partitions that hold rows of days outside today and the kept ones, and whether this role may TRUNCATE each.
    private func partitionsToEmpty(historyDays: Int) async throws -> [(name: String, mayTruncate: Bool)] {
        let rows = try await database.run(
            """
            SELECT p.name, has_table_privilege('motorpool.' || p.name, 'TRUNCATE')
            FROM (SELECT s, 'history_' || lpad(s::text, 2, '0') AS name FROM generate_series(0, 31) s) p
            WHERE (motorpool.today() - p.s + 32) % 32 > \(Int32(historyDays))
              -- The slot of tomorrow could become today's before it is emptied; it was emptied on an earlier day.
              AND ((motorpool.today() - p.s + 32) % 32 < 31 OR \(Int32(historyDays)) = 30)
              AND pg_relation_size(('motorpool.' || p.name)::regclass) > 0
            """)
        return try rows.map { (try $0.get(0), try $0.get(1)) }
    }

    private enum Truncation {
        case done
        /// Another session reads it: its turn comes again.
        case busy
        /// The server does not truncate it, for want of a right or for another reason.
        case refused
    }

    private func truncate(_ name: String) async throws -> Truncation {
        do {
            try await database.transaction(within: .seconds(5)) { tx in
                try await tx.run("SELECT set_config('lock_timeout', '50ms', true)")
                try await tx.run("TRUNCATE motorpool.\(pasting: name)")
            }
            return .done
        } catch PostgresError.server(let error) {
            return error.sqlstate == "55P03" ? .busy : .refused
        }
    }

    // MARK: What was removed by hand

    private func repairSubjects(_ walk: inout SubjectWalk) async throws -> Int {
        var repaired = 0
        for _ in 0..<20 {
            let row = try await database.run(
                """
                SELECT repaired, next_kind, next_subject
                FROM motorpool.repair_subjects(\(walk.kind), \(walk.subject), 5000)
                """
            ).first
            repaired += Int(try row?.get(0, as: Int32.self) ?? 0)
            guard let kind = try row?.get(1, as: String?.self),
                let subject = try row?.get(2, as: String?.self)
            else {
                walk = SubjectWalk()
                break
            }
            walk.kind = kind
            walk.subject = subject
        }
        return repaired
    }

    private func repairParents() async throws -> Int {
        Int(
            try await database.run("SELECT motorpool.repair_parents(1000)").first?.get(0, as: Int32.self) ?? 0
        )
    }
}
