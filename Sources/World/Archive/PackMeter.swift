/// Counts what was packed, and keeps the first thing that went wrong, for which libzip has only a number.
final class PackMeter {
    private static let step: Int64 = 1 << 20

    private let total: Int64
    private let stop: Stop
    private let report: @Sendable (Int64, Int64) -> Void
    private var done: Int64 = 0
    private var reported: Int64 = 0
    private(set) var fault: (any Error)?

    init(total: Int64, stop: Stop, report: @escaping @Sendable (Int64, Int64) -> Void) {
        self.total = total
        self.stop = stop
        self.report = report
    }

    /// - Throws: `CancellationError`.
    func add(_ count: Int) throws {
        try stop.check()
        done += Int64(count)
        guard done - reported >= Self.step || done == total else { return }
        reported = done
        report(done, total)
    }

    func note(_ error: any Error) { fault = fault ?? error }
}
