internal import Glibc
internal import Platform
internal import Postgres

/// What a stretch of work cost: time, processor seconds of both sides, log written, transactions.
struct Meter: Sendable {
    private let database: Database
    private let workers: [Int32]
    private let postmaster: Int32?
    private let began = ContinuousClock.now
    private let serverCPU: Double
    private let workerCPU: Double
    private let wal: Double
    private let transactions: Double

    static func start(_ database: Database, workers: [Int32]) async throws -> Meter {
        let facts = try await database.run(
            """
            SELECT pg_backend_pid(), (pg_current_wal_insert_lsn() - '0/0')::float8,
                   (SELECT (xact_commit + xact_rollback)::float8 FROM pg_stat_database WHERE datname = current_database())
            """)
        guard let row = facts.first else { throw BenchError("the server told nothing of itself") }
        let backend: Int32 = try row.get(0)
        let postmaster = Meter.isLocal(backend) ? Meter.parent(of: backend) : nil
        return Meter(
            database: database, workers: workers, postmaster: postmaster,
            serverCPU: Meter.cpu(under: postmaster),
            workerCPU: workers.reduce(0) { $0 + Meter.cpu(of: $1) }, wal: try row.get(1),
            transactions: try row.get(2))
    }

    private init(
        database: Database, workers: [Int32], postmaster: Int32?, serverCPU: Double, workerCPU: Double,
        wal: Double,
        transactions: Double
    ) {
        self.database = database
        self.workers = workers
        self.postmaster = postmaster
        self.serverCPU = serverCPU
        self.workerCPU = workerCPU
        self.wal = wal
        self.transactions = transactions
    }

    /// The cost since the start, for so many jobs.
    func stop(jobs: Int) async throws -> Sample {
        let seconds = (ContinuousClock.now - began).inSecondsExact
        let server = Meter.cpu(under: postmaster) - serverCPU
        let worker = workers.reduce(0) { $0 + Meter.cpu(of: $1) } - workerCPU
        let facts = try await database.run("SELECT (pg_current_wal_insert_lsn() - '0/0')::float8")
        let walNow: Double = try facts.first?.get(0) ?? 0
        let perTenThousand = 10_000 / Double(jobs)
        return [
            .rate: Double(jobs) / seconds,
            .serverCPU: postmaster == nil ? .nan : server * perTenThousand,
            .workerCPU: workers.isEmpty ? .nan : worker * perTenThousand,
            .walBytes: (walNow - wal) / Double(jobs),
            .peakMegabytes: workers.map(Meter.peakMegabytes).max() ?? .nan,
        ]
    }

    /// Transactions a thousand jobs since the start, by the server's own count, `own` left out.
    ///
    /// Sessions report theirs when they are idle or end, so this is asked after the workers have left.
    func transactions(jobs: Int, besides own: Int) async throws -> Double {
        let facts = try await database.run(
            """
            SELECT (xact_commit + xact_rollback)::float8 FROM pg_stat_database WHERE datname = current_database()
            """)
        let now: Double = try facts.first?.get(0) ?? 0
        return (now - transactions - Double(own)) * 1000 / Double(jobs)
    }

    // MARK: - /proc

    private static func isLocal(_ backend: Int32) -> Bool {
        read("/proc/\(backend)/comm")?.hasPrefix("postgres") == true
    }

    private static func stat(_ pid: Int32) -> [Substring]? {
        guard let text = read("/proc/\(pid)/stat"), let end = text.lastIndex(of: ")") else { return nil }
        return text[text.index(after: end)...].split(separator: " ")
    }

    private static func parent(of pid: Int32) -> Int32? { stat(pid).flatMap { Int32($0[1]) } }

    /// User and system seconds of the process, and of its children that ended.
    static func cpu(of pid: Int32, withEnded: Bool = false) -> Double {
        guard let fields = stat(pid) else { return 0 }
        let ticks = (withEnded ? 11...14 : 11...12).reduce(0.0) { $0 + (Double(fields[$1]) ?? 0) }
        return ticks / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    private static func cpu(under postmaster: Int32?) -> Double {
        guard let postmaster else { return .nan }
        var total = cpu(of: postmaster, withEnded: true)
        for name in FolderListing.names(in: "/proc") ?? [] {
            guard let pid = Int32(name), parent(of: pid) == postmaster else { continue }
            total += cpu(of: pid)
        }
        return total
    }

    static func peakMegabytes(_ pid: Int32) -> Double { megabytes("VmHWM:", pid) }

    static func residentMegabytes(_ pid: Int32) -> Double { megabytes("VmRSS:", pid) }

    private static func megabytes(_ name: String, _ pid: Int32) -> Double {
        let line = read("/proc/\(pid)/status")?.split(separator: "\n").first { $0.hasPrefix(name) }
        let kilobytes = line?.split(separator: " ", omittingEmptySubsequences: true).dropFirst().first
        return (kilobytes.flatMap { Double($0.filter(\.isNumber)) } ?? .nan) / 1024
    }

    private static func read(_ path: String) -> String? {
        guard let stream = fopen(path, "r") else { return nil }
        defer { fclose(stream) }
        var buffer = [UInt8](repeating: 0, count: 8192)
        let count = fread(&buffer, 1, buffer.count, stream)
        return String(decoding: buffer[..<count], as: UTF8.self)
    }
}

extension Duration {
    var inSecondsExact: Double {
        let (seconds, attoseconds) = components
        return Double(seconds) + Double(attoseconds) * 1e-18
    }
}
