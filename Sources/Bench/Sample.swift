/// One measurement of one case: some of the figures.
typealias Sample = [Figure: Double]

/// What is measured. The raw value is its key in the JSON report.
enum Figure: String, CaseIterable, Sendable {
    case rate = "jobs_per_second"
    case enqueueRate = "enqueued_per_second"
    case ratio = "ratio_to_ceiling"
    case serverCPU = "server_cpu_seconds_per_10000"
    case workerCPU = "worker_cpu_seconds_per_10000"
    case walBytes = "wal_bytes_per_job"
    case transactions = "transactions_per_1000"
    case peakMegabytes = "peak_megabytes"
    case p50 = "p50_milliseconds"
    case p99 = "p99_milliseconds"
    case requestRate = "requests_per_second"
    case refused = "requests_refused"
    case requestCPU = "front_cpu_microseconds_per_request"
    case databaseCPU = "database_cpu_microseconds_per_request"
    case calmP99 = "p99_milliseconds_undisturbed"
    case closedSockets = "slow_sockets_closed"
    case longestSeconds = "slow_socket_seconds_max"
    case grownMegabytes = "grown_megabytes"
    case fileRate = "file_gigabytes_per_second"
    case resumedRate = "resumed_file_gigabytes_per_second"
    case fileCPU = "front_cpu_seconds_per_gigabyte"

    var heading: String {
        switch self {
        case .rate: "jobs/s"
        case .enqueueRate: "enqueue/s"
        case .ratio: "ratio"
        case .serverCPU: "srv s/10k"
        case .workerCPU: "wrk s/10k"
        case .walBytes: "WAL B/job"
        case .transactions: "tx/1000"
        case .peakMegabytes: "peak MB"
        case .p50: "p50 ms"
        case .p99: "p99 ms"
        case .requestRate: "req/s"
        case .refused: "refused"
        case .requestCPU: "CPU us/req"
        case .databaseCPU: "db us/req"
        case .calmP99: "calm p99"
        case .closedSockets: "closed"
        case .longestSeconds: "longest s"
        case .grownMegabytes: "grown MB"
        case .fileRate: "file GB/s"
        case .resumedRate: "resumed"
        case .fileCPU: "CPU s/GB"
        }
    }

    func text(_ value: Double) -> String {
        guard value.isFinite else { return "–" }
        switch self {
        case .rate, .enqueueRate, .walBytes, .requestRate, .refused, .closedSockets:
            return String(Int(value.rounded()))
        case .ratio, .p50, .p99, .calmP99, .fileRate, .resumedRate: return fixed(value, 2)
        case .serverCPU, .workerCPU, .fileCPU: return fixed(value, 3)
        case .transactions, .peakMegabytes, .requestCPU, .databaseCPU, .longestSeconds, .grownMegabytes:
            return fixed(value, 1)
        }
    }

    private func fixed(_ value: Double, _ digits: Int) -> String {
        let scale = [1.0, 10, 100, 1000][digits]
        let scaled = Int((abs(value) * scale).rounded())
        let whole = scaled / Int(scale)
        let fraction = String(Int(scale) + scaled % Int(scale)).dropFirst()
        return "\(value < 0 ? "-" : "")\(whole).\(fraction)"
    }
}

extension Array where Element == Double {
    /// The middle one; the mean of both when there are two.
    var median: Double {
        let sorted = filter(\.isFinite).sorted()
        guard !sorted.isEmpty else { return .nan }
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }

    /// The value below which the given part lies; the array is sorted.
    func quantile(_ part: Double) -> Double {
        isEmpty ? .nan : self[Swift.min(count - 1, Int(Double(count) * part))]
    }
}
