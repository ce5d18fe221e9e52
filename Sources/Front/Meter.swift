internal import Jobs
internal import Platform

/// Counts what was asked and how long the answers took.
package final class Meter: Sendable {
    /// One line of the metrics.
    package struct Key: Hashable, Sendable {
        package let route: String
        package let method: String
        package let status: Int
    }

    /// How long the answers of one route took.
    package struct Histogram: Sendable {
        /// Upper ends of the buckets in seconds; one more bucket has no end.
        package static let bounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60]
        package fileprivate(set) var counts = [Int](repeating: 0, count: bounds.count + 1)
        package fileprivate(set) var seconds = 0.0
    }

    package struct Counts: Sendable {
        package fileprivate(set) var answers: [Key: Int] = [:]
        package fileprivate(set) var times: [String: Histogram] = [:]
    }

    private let counts = Lock(Counts())

    package init() {}

    package var now: Counts { counts.withLock { $0 } }

    /// - Parameter route: a pattern, never a path: its values would make a line each.
    func count(_ method: String, _ route: String, _ status: Int, took: Duration) {
        let seconds = took.inSeconds
        let bucket = Histogram.bounds.firstIndex { seconds <= $0 } ?? Histogram.bounds.count
        counts.withLock { counts in
            counts.answers[Key(route: route, method: method, status: status), default: 0] += 1
            counts.times[route, default: Histogram()].counts[bucket] += 1
            counts.times[route]?.seconds += seconds
        }
    }
}
