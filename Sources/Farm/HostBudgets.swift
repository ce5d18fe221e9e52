internal import Jobs
internal import Platform
internal import Store

/// Paces requests to upstreams: reserved from the database for the whole cluster up to a second's worth at a time, and
/// spread locally.
package final class HostBudgets: Sendable {
    private struct Budget {
        var slots: ArraySlice<ContinuousClock.Instant> = []
        var waiting = 0
        var reservation: Task<Void, any Error>?
    }

    private let store: Store
    private let rates: [String: Rate]
    private let budgets = Lock<[String: Budget]>([:])

    init(store: Store, rates: [String: Rate]) {
        self.store = store
        self.rates = rates
    }

    /// Returns when one more request may go to the host.
    func take(_ host: String) async throws {
        guard let rate = rates[host] else {
            throw StoreError.badRequest(
                "no rate is set for the host \(host): add a line host = \(host) N/s to the kind's file")
        }
        budgets.withLock { $0[host, default: Budget()].waiting += 1 }
        defer { budgets.withLock { $0[host]?.waiting -= 1 } }
        while true {
            try Task.checkCancellation()
            if let slot = budgets.withLock({ nextSlot(&$0[host, default: Budget()]) }) {
                try await Task.sleep(until: slot, clock: .continuous)
                return
            }
            try await reservation(host, rate).value
        }
    }

    /// A slot that nobody took in its time is lost: used later it would come on top of a fresh burst.
    private func nextSlot(_ budget: inout Budget) -> ContinuousClock.Instant? {
        while let slot = budget.slots.popFirst() {
            if ContinuousClock.now - slot < .seconds(1) { return slot }
        }
        return nil
    }

    /// The reservation under way, or a new one: everyone who waits for a host waits for the same round trip.
    private func reservation(_ host: String, _ rate: Rate) -> Task<Void, any Error> {
        budgets.withLock { budgets in
            if let running = budgets[host]?.reservation { return running }
            let wanted = max(1, budgets[host]?.waiting ?? 1)
            // Shared by all who wait, so it must not end with any one of them.
            let task = Task {
                defer { self.budgets.withLock { $0[host]?.reservation = nil } }
                let (granted, askAgainIn) = try await self.store.reserve(
                    host: host, wanted: wanted, rate: rate)
                let now = ContinuousClock.now
                self.budgets.withLock { $0[host]?.slots.append(contentsOf: granted.map { now + $0 }) }
                if granted.isEmpty { try await Task.sleep(for: askAgainIn) }
            }
            budgets[host, default: Budget()].reservation = task
            return task
        }
    }
}
