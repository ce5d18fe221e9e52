package import Jobs
internal import Platform

/// How much each caller may ask, counted as arrival times (GCRA): one number a caller.
package final class Limiter: Sendable {
    /// More callers than this at once share what is left: memory stays bounded, and strangers bear it together.
    package static let callersMax = 20_000

    private struct State {
        /// When the next request of each caller would be on time, in seconds.
        var arrivals: [String: Double] = [:]
    }

    private let state = Lock(State())
    private let now: @Sendable () -> Double

    /// - Parameter now: a clock that only goes forward, in seconds.
    package init(now: @escaping @Sendable () -> Double = { BootClock.now.inSeconds }) { self.now = now }

    /// Takes one request from the caller's share.
    /// - Returns: `nil` when there was one; otherwise how long until there is.
    package func take(_ caller: String, at rate: Rate) -> Duration? {
        let now = now()
        let interval = rate.interval.inSeconds
        let tolerance = interval * Double(max(rate.burst, 1) - 1)
        return state.withLock { state in
            var name = caller
            if state.arrivals[name] == nil, state.arrivals.count >= Limiter.callersMax {
                // Whoever is on time again has nothing to remember.
                state.arrivals = state.arrivals.filter { $0.value > now }
                if state.arrivals.count >= Limiter.callersMax { name = "" }
            }
            let arrival = max(state.arrivals[name] ?? now, now)
            guard arrival - now <= tolerance + 1e-9 else { return .seconds(arrival - now - tolerance) }
            state.arrivals[name] = arrival + interval
            return nil
        }
    }

    package var callers: Int { state.withLock { $0.arrivals.count } }
}
