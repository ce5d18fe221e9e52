package import Jobs
internal import Postgres

/// What a worker wants of one queue.
package struct Claim: Sendable {
    /// How the payload of the rows is treated.
    package enum Care: Hashable, Sendable {
        /// Rows that may be large are judged by their numbers.
        case usual
        /// Every row is judged by all that could make its reading fail. For after a failure.
        case careful
        /// The same, for this job only.
        case alone(JobID)
        /// This job only, without its payload: for a row that can't be read by any means.
        case blind(JobID)
    }

    package let queue: String
    package let kinds: [String]
    package let worker: WorkerID
    /// At most so many jobs; 1…1000.
    package let limit: Int
    /// About so many bytes of args and meta, as the server stores them; a single job may have more.
    package let bytes: Int
    package let care: Care
    package let watermarks: Watermarks

    /// What takes a third of a second over a way of 100 Mbit/s.
    package static let bytesDefault = 4 << 20

    package init(
        queue: String, kinds: [String], worker: WorkerID, limit: Int, bytes: Int = bytesDefault,
        care: Care = .usual, watermarks: Watermarks
    ) {
        self.queue = queue
        self.kinds = kinds
        self.worker = worker
        self.limit = limit
        self.bytes = bytes
        self.care = care
        self.watermarks = watermarks
    }
}

extension Claim.Care {
    /// The only job that is meant.
    var job: JobID? {
        switch self {
        case .usual, .careful: nil
        case .alone(let job), .blind(let job): job
        }
    }

    /// Args, meta and subject. Args are NULL when any of them can't be read.
    var columns: String {
        switch self {
        case .usual:
            """
            CASE WHEN (SELECT NOT heavy FROM seen) OR \(Self.isFit("j.args")) AND (j.meta IS NULL OR \(Self.isFit("j.meta")))
                THEN j.args END,
            CASE WHEN j.meta IS NULL OR (SELECT NOT heavy FROM seen) OR \(Self.isFit("j.meta")) THEN j.meta END, j.subject
            """
        case .careful, .alone:
            """
            CASE WHEN coalesce(motorpool.unreadable(j.args), motorpool.unreadable(j.meta), motorpool.unreadable(j.subject))
                IS NULL THEN j.args END,
            CASE WHEN motorpool.unreadable(j.meta) IS NULL THEN j.meta END, motorpool.readable(j.subject)
            """
        case .blind: "NULL::jsonb, NULL::jsonb, NULL::text"
        }
    }

    /// What is kept in so few bytes as it is becomes 2 MB at most; the rest is judged by its numbers.
    private static func isFit(_ column: String) -> String {
        """
        (pg_column_size(\(column)) <= \(Store.lightBytesMax) AND pg_column_compression(\(column)) IS NULL \
        OR NOT motorpool.has_long_numbers(\(column)) AND pg_column_size(\(column)) <= 1048576 \
        OR motorpool.unreadable(\(column)) IS NULL)
        """
    }
}

/// What a claim brought.
package struct Claimed: Sendable {
    /// In the order in which they should run.
    package var jobs: [ClaimedJob] = []
    /// Claimed as well, and not to be run: their rows can't be read. Ask `faults(of:)` why.
    package var unreadable: [RunToken] = []
    /// How many of the settlements that went with the claim were stale.
    package var stale = 0
    /// The claim ended at its bytes: there are more jobs.
    package var isCut = false
    /// Of the args and metas of `jobs`.
    package var bytes = 0

    package init() {}

    /// How many rows were claimed.
    package var count: Int { jobs.count + unreadable.count }

    /// Larger args are not taken in: four times what an enqueue accepts.
    static let argsBytesMax = 4 * Bounds.argsBytesMax

    init(_ rows: Rows, of claim: Claim) throws {
        jobs.reserveCapacity(rows.count)
        if let row = rows.first, let found = try row.get(18, as: Int64?.self) { isCut = found > rows.count }
        for row in rows {
            do {
                guard let job = try ClaimedJob(row, queue: claim.queue) else {
                    unreadable.append(try ClaimedJob.token(row))
                    continue
                }
                jobs.append(job)
                bytes += job.args.bytes.count + (job.meta?.bytes.count ?? 0)
            } catch PostgresError.decoding {
                // A value that no program of ours writes: it costs its own row only.
                unreadable.append(try ClaimedJob.token(row))
            }
        }
        jobs.sort { ($0.level.rawValue, $0.seq) < ($1.level.rawValue, $1.seq) }
    }
}

extension ClaimedJob {
    fileprivate static func token(_ row: Row) throws -> RunToken {
        RunToken(job: JobID(try row.get(0)), run: try row.get(1))
    }

    /// `nil`: the row can't be read.
    fileprivate init?(_ row: Row, queue: String) throws {
        guard !row.isNull(15), row.withBytes(15, { $0.count }) <= Claimed.argsBytesMax else { return nil }
        let patientFrom: PostgresTimestamp = try row.get(8)
        let due = try row.get(9, as: PostgresTimestamp?.self)?.microseconds ?? patientFrom.microseconds
        let claimed = try row.get(10, as: PostgresTimestamp.self)
        let ready = PostgresTimestamp(microseconds: max(patientFrom.microseconds, due))
        self.init(
            token: try Self.token(row),
            kind: try row.get(2), queue: queue, args: JSON(try row.get(15, as: [UInt8].self)),
            level: Level(rawValue: try row.get(3)), seq: try row.get(4),
            failures: Int(try row.get(5, as: Int16.self)),
            step: try row.get(6), childrenFailed: try row.get(7, as: Int32?.self) ?? 0,
            subject: try row.get(17),
            age: claimed.since(patientFrom), waited: claimed.since(ready),
            attemptsMax: try row.get(11, as: Int16?.self).map(Int.init),
            meta: try row.get(16, as: [UInt8]?.self).map { JSON($0) }, isPlain: try row.get(12),
            isKept: try row.get(13), isRecovered: try row.get(14))
    }
}

extension PostgresTimestamp {
    /// At least zero. Infinite times, which only SQL by hand can write, count as far away.
    fileprivate func since(_ start: PostgresTimestamp) -> Duration {
        let (span, overflowed) = microseconds.subtractingReportingOverflow(start.microseconds)
        return .microseconds(overflowed ? .max : max(0, span))
    }
}
