internal import Jobs
internal import Platform
internal import Store

/// Paces requests to upstreams: reserved from the database for the whole cluster up to a second's worth at a time, and
/// spread locally.
package final class HostBudgets: Sendable {
    private struct Budget {
        var slots: ArraySlice<ContinuousClock.Instant> = []
        var waiting = 0
    }

    private let rates: [String: Rate]
    private let budgets: Lock<[String: Budget]>
    /// All who wait for a host wait for the same round trip.
    private let reservations: SingleFlight<String, Void>

    init(store: Store, rates: [String: Rate]) {
        self.rates = rates
        let budgets = Lock<[String: Budget]>([:])
        self.budgets = budgets
        reservations = SingleFlight { host in
            guard let rate = rates[host] else { return }
            let wanted = max(1, budgets.withLock { $0[host]?.waiting ?? 1 })
            let (granted, askAgainIn) = try await store.reserve(host: host, wanted: wanted, rate: rate)
            let now = ContinuousClock.now
            budgets.withLock {
                $0[host, default: Budget()].slots.append(contentsOf: granted.map { now + $0 })
            }
            if granted.isEmpty { try await Task.sleep(for: askAgainIn) }
        }
    }

    /// Returns when one more request may go to the host.
    func take(_ host: String) async throws {
        guard rates[host] != nil else {
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
            try await reservations.value(for: host)
        }
    }

    /// A slot that nobody took in its time is lost: used later it would come on top of a fresh burst.
    private func nextSlot(_ budget: inout Budget) -> ContinuousClock.Instant? {
        while let slot = budget.slots.popFirst() {
            if ContinuousClock.now - slot < .seconds(1) { return slot }
        }
        return nil
    }
}
