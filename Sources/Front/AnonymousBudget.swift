internal import Jobs
internal import Platform

/// The bytes that callers without a token may have written in a day, all of them and over all fronts together.
///
/// The day's count is in the database. A front takes a batch out of it at a time and spends that in memory, so that the
/// bound holds over fronts without a statement for each request. What a front has taken and not spent when it ends is lost
/// for the day.
package final class AnonymousBudget: Sendable {
    /// Each has half of the budget, so that producers can't spend what downloads of new items need.
    package enum Account: String, Sendable, CaseIterable {
        /// `POST /jobs`.
        case orders
        /// Jobs that routes of a served system ask for.
        case lookUps = "look-ups"
    }

    private struct State {
        var left: [Account: Int] = [:]
        var empty: [Account: Refusal] = [:]
    }

    private struct Refusal {
        let bytes: Int
        let at: Duration
        let nextDayIn: Duration
    }

    private let accountMax: Int
    private let batch: Int
    private let take: @Sendable (Account, Int, Int) async throws -> (isTaken: Bool, nextDayIn: Duration)
    private let state = Lock(State())
    /// One at a time asks the database.
    private let turn = Semaphore(places: 1, waitMax: .seconds(2))

    /// A refusal is believed for so long, so that refused requests write nothing.
    private static let refusalSpan = Duration.seconds(1)

    /// - Parameters:
    ///   - bytesMax: a day, for all accounts together.
    ///   - take: takes bytes out of an account that has so many a day.
    package init(
        bytesMax: Int,
        take: @escaping @Sendable (Account, Int, Int) async throws -> (isTaken: Bool, nextDayIn: Duration)
    ) {
        accountMax = bytesMax / Account.allCases.count
        batch = min(1 << 20, accountMax / 64)
        self.take = take
    }

    /// Charges bytes that are about to be written. They stay charged whatever becomes of the request.
    /// - Throws: `Problem` 503 when the day has not so many left; what `take` throws; `WaitError`.
    package func charge(_ bytes: Int, to account: Account) async throws {
        if try spent(bytes, account) { return }
        try await turn.withPlace {
            if try spent(bytes, account) { return }
            var answer = try await take(account, max(bytes, batch), accountMax)
            var taken = max(bytes, batch)
            if !answer.isTaken, bytes < batch {
                taken = bytes
                answer = try await take(account, bytes, accountMax)
            }
            let (isTaken, nextDayIn) = answer
            try state.withLock { state in
                guard isTaken else {
                    let refusal = Refusal(bytes: bytes, at: BootClock.now, nextDayIn: nextDayIn)
                    state.empty[account] = refusal
                    throw problem(refusal)
                }
                state.left[account, default: 0] += taken - bytes
            }
        }
    }

    private func spent(_ bytes: Int, _ account: Account) throws -> Bool {
        try state.withLock { state in
            if state.left[account, default: 0] >= bytes {
                state.left[account, default: 0] -= bytes
                return true
            }
            if let empty = state.empty[account] {
                if bytes >= empty.bytes, BootClock.now - empty.at < AnonymousBudget.refusalSpan {
                    throw problem(empty)
                }
                if BootClock.now - empty.at >= AnonymousBudget.refusalSpan { state.empty[account] = nil }
            }
            return false
        }
    }

    private func problem(_ refusal: Refusal) -> Problem {
        Problem.unavailable(
            "anonymous_budget",
            "callers without a token may have \(accountMax) bytes written a day, together, and too few are left today; use a token",
            retryAfter: max(1, Int(refusal.nextDayIn.inSeconds.rounded(.up))))
    }
}
