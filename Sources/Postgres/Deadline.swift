internal import Platform

/// The moment at which a wait ends.
struct Deadline: Sendable {
    /// The bound as the caller gave it, for messages.
    let limit: Duration
    private let end: Duration

    /// Nobody waits longer than ten years; the bound keeps the sum from overflowing.
    private static let limitMax: Duration = .seconds(315_360_000)

    init(within limit: Duration) {
        self.limit = limit
        end = BootClock.now + min(limit, Self.limitMax)
    }

    private init(limit: Duration, end: Duration) {
        self.limit = limit
        self.end = end
    }

    /// What is left; negative once passed.
    var remaining: Duration { end - BootClock.now }

    var hasPassed: Bool { remaining <= .zero }

    /// This deadline, or `limit` from now if that comes first.
    func capped(at limit: Duration) -> Deadline {
        let other = Deadline(within: limit)
        return other.end < end ? other : self
    }

    /// What is left as `poll(2)` wants it: rounded up, never negative.
    var pollMilliseconds: Int32 { remaining.pollMilliseconds }
}

extension Duration {
    /// Rounded up to whole milliseconds, between 0 and a day; `poll(2)` is asked again after that.
    var pollMilliseconds: Int32 { Int32(clamping: min(max(milliseconds, 0), 86_400_000)) }

    /// Rounded up to whole milliseconds.
    var milliseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
    }
}
