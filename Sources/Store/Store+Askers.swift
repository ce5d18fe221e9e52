package import Jobs
internal import Postgres

/// A kind as callers over HTTP may use it.
package struct KindPolicy: Sendable {
    package let kind: String
    package let callers: CallerPolicy
}

/// What a caller has to do with a job.
package enum Concern: Sendable {
    case none
    /// It asked for what another had asked for already, or code asked in its name.
    case joined
    /// The job is there because it asked.
    case made
}

/// A job, as one caller sees it.
package struct JobQuestion: Hashable, Sendable {
    package let job: JobID
    /// The caller whose concern is looked up. `nil`: no one's.
    package let caller: String?

    package init(_ job: JobID, by caller: String? = nil) {
        self.job = job
        self.caller = caller
    }
}

/// Which jobs a list may tell.
package enum Visibility: Sendable {
    case all
    /// All but those of money kinds.
    case withoutMoney
    /// Those of money kinds.
    case moneyAlone
    /// What this caller asked for, and kinds that every reader sees.
    case caller(String)
}

extension Store {
    /// Policies as they were published: of these kinds, or of the first `namesMax`. A kind that is unknown is missing.
    package func kindPolicies(of kinds: [String]? = nil) async throws -> [KindPolicy] {
        let rows = try await database.run(
            """
            SELECT kind, asked_by, callers_choose, seen_by FROM motorpool.kinds
            WHERE kind = ANY (coalesce(\(kinds)::text[], ARRAY[kind])) ORDER BY kind LIMIT \(Int64(Store.namesMax))
            """)
        return try rows.map { row in
            KindPolicy(
                kind: try row.get(0),
                // A word of a newer program lets callers do nothing, and hides what it may hide.
                callers: CallerPolicy(
                    askedBy: AskedBy(rawValue: try row.get(1)) ?? .nobody,
                    mayChoose: Set(
                        try row.get(2, as: [String].self).compactMap(CallerChoice.init(rawValue:))),
                    seenBy: SeenBy(rawValue: try row.get(3)) ?? .money))
        }
    }

    /// These jobs, wherever they stand, each with its caller's concern, in one round trip; what is nowhere is not in the
    /// answer.
    /// - Parameter questions: at most 1,000.
    package func jobs(_ questions: [JobQuestion]) async throws -> [JobQuestion: JobReport] {
        let ids = Array(Set(questions.map(\.job)))
        let looks = Store.looking(at: ids)
        let asked = questions.filter { $0.caller != nil }
        let answers = try await database.run(all: looks + (asked.isEmpty ? [] : [Store.concerns(asked)]))
        let reports = try Store.reports(answers.prefix(looks.count))
        let concerns = asked.isEmpty ? [:] : try Store.concerns(in: answers[looks.count])
        var found: [JobQuestion: JobReport] = [:]
        for question in questions {
            guard var report = reports[question.job] else { continue }
            report.concern = concerns[question] ?? .none
            found[question] = report
        }
        return found
    }

    /// Which of these callers have to do with which jobs; those that have not are not in the answer.
    package func concerns(of questions: [JobQuestion]) async throws -> [JobQuestion: Concern] {
        let asked = questions.filter { $0.caller != nil }
        return asked.isEmpty ? [:] : try Store.concerns(in: try await database.run(Store.concerns(asked)))
    }

    private static func concerns(_ asked: [JobQuestion]) -> SQL {
        """
        SELECT a.job, a.caller, a.made FROM unnest(\(asked.map(\.job.number)), \(asked.compactMap(\.caller))) q(job, caller)
        JOIN motorpool.askers a ON a.job = q.job AND a.caller = q.caller
        """
    }

    private static func concerns(in rows: Rows) throws -> [JobQuestion: Concern] {
        var found: [JobQuestion: Concern] = [:]
        for row in rows {
            let question = JobQuestion(JobID(try row.get(0)), by: try row.get(1, as: String.self))
            found[question] = try row.get(2) ? .made : .joined
        }
        return found
    }

    /// A condition on the rows of a table with kinds.
    static func isMoney(_ table: String) -> String {
        "(\(table).kind = ANY (ARRAY(SELECT k.kind FROM motorpool.kinds k WHERE k.seen_by = 'money')))"
    }

    // MARK: Retention

    private static let askersWindow = 10_000

    /// Forgets who asked for jobs that are nowhere any more. Walks at most a million rows, the oldest jobs first.
    func forgetAskers(historyDays: Int) async throws {
        var last: Int64 = 0
        for _ in 0..<100 {
            let row = try await database.run(
                """
                WITH seen AS MATERIALIZED (
                    SELECT job, caller, at < now() - make_interval(days => \(Int32(historyDays) + 1)) AS old FROM motorpool.askers
                    WHERE job > \(last) ORDER BY job, caller LIMIT \(Int64(Store.askersWindow))
                ), gone AS (
                    DELETE FROM motorpool.askers a USING seen s WHERE a.job = s.job AND a.caller = s.caller AND s.old
                        AND NOT EXISTS (SELECT 1 FROM motorpool.jobs j WHERE j.id = a.job)
                        AND NOT EXISTS (SELECT 1 FROM motorpool.dead d WHERE d.id = a.job)
                        AND NOT EXISTS (SELECT 1 FROM motorpool.history h WHERE h.id = a.job)
                )
                SELECT max(job), count(*), count(*) FILTER (WHERE old) FROM seen
                """
            ).first
            guard let row, let end = try row.get(0, as: Int64?.self), try row.get(2, as: Int64.self) > 0
            else { return }
            last = end
            if try row.get(1, as: Int64.self) < Store.askersWindow { return }
        }
    }
}
