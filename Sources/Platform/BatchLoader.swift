/// Loads what many tasks ask for at the same time in a few calls.
///
/// A lone request is loaded at once. Requests that come while as many loads as allowed are under way, or while the next
/// one waits for its admission, go together in the next call. Each waiter gets the value of its own key, read after it
/// asked.
///
/// No waiter leads: a load runs in a task of the loader's own. So a waiter that is cancelled leaves alone, and the others
/// still get their answer. Waiters are held as `Promise`s, which are answered exactly once whatever a load does.
package final class BatchLoader<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    /// Waits until one load may be made.
    package typealias Admission = @Sendable () async throws -> Void

    private struct Waiter {
        let ticket: Int
        let key: Key
        let admission: Admission?
        let promise: Promise<Value?>
    }

    private struct State {
        /// For the next load, in the order in which they came.
        var waiting: [Waiter] = []
        /// Those of the loads under way, by the load's number.
        var loading: [Int: [Waiter]] = [:]
        /// The next load, while it waits for its admission.
        var gathering: (number: Int, task: Task<Void, Never>)?
        var lastNumber = 0
        var isClosed = false

        var count: Int { loading.values.reduce(waiting.count) { $0 + $1.count } }

        mutating func number() -> Int {
            lastNumber += 1
            return lastNumber
        }
    }

    private let batchMax: Int
    private let loadsMax: Int
    private let waitersMax: Int
    private let isFaultOfOneKey: @Sendable (any Error) -> Bool
    private let load: @Sendable ([Key]) async throws -> [Key: Value]
    private let state = Lock(State())

    /// - Parameters:
    ///   - batchMax: keys in one load.
    ///   - loadsMax: loads under way at once; with 1, a load begins when the one before has ended.
    ///   - waitersMax: tasks that wait at once, those of loads under way included; more are refused.
    ///   - isFaultOfOneKey: whether an error may be about one key only. A load that fails with it is halved until the keys
    ///     that fail stand alone: at most `2 * batchMax` calls.
    ///   - load: must return within a bounded time. A key that it does not find is missing from its answer; keys that were
    ///     not asked for are ignored.
    package init(
        batchMax: Int, loadsMax: Int = 1, waitersMax: Int,
        isFaultOfOneKey: @escaping @Sendable (any Error) -> Bool = { _ in false },
        _ load: @escaping @Sendable ([Key]) async throws -> [Key: Value]
    ) {
        self.batchMax = max(1, batchMax)
        self.loadsMax = max(1, loadsMax)
        self.waitersMax = waitersMax
        self.isFaultOfOneKey = isFaultOfOneKey
        self.load = load
    }

    /// Tasks that wait for the next load.
    package var waiting: Int { state.withLock { $0.waiting.count } }

    /// Returns the value of `key` as it was at some time since the call, `nil` when there is none.
    ///
    /// - Parameter admission: waited for before the load. A load waits for the admission of the task that has waited
    ///   longest, once for all its keys, and the wait ends when no task is left that waits for it.
    /// - Throws: what the load or the admission threw, to every task of that load; `CancellationError` when the calling task
    ///   is cancelled; `WaitError.tooMany`, `.closed`, or `.abandoned` for a load that was cancelled.
    package func value(of key: Key, admission: Admission? = nil) async throws -> Value? {
        var ticket = 0
        do {
            return try await Promise.wait { ticket = enter(key, admission, $0) }
        } catch is CancellationError where Task.isCancelled {
            leave(ticket)
            throw CancellationError()
        }
    }

    /// Ends every wait with `WaitError.closed`, and refuses new ones. Loads under way end by themselves, unheard. A second
    /// time does nothing.
    package func close() {
        let (waiters, task) = state.withLock { state in
            state.isClosed = true
            defer {
                state.waiting = []
                state.gathering = nil
            }
            return (state.loading.values.reduce(state.waiting, +), state.gathering?.task)
        }
        task?.cancel()
        for waiter in waiters { waiter.promise.resolve(.failure(WaitError.closed)) }
    }

    // MARK: Waiters

    private func enter(_ key: Key, _ admission: Admission?, _ promise: Promise<Value?>) -> Int {
        let (ticket, refusal) = state.withLock { state -> (Int, WaitError?) in
            guard !state.isClosed else { return (0, .closed) }
            guard state.count < waitersMax else { return (0, .tooMany(max: waitersMax)) }
            let ticket = state.number()
            state.waiting.append(Waiter(ticket: ticket, key: key, admission: admission, promise: promise))
            gather(&state)
            return (ticket, nil)
        }
        if let refusal { promise.resolve(.failure(refusal)) }
        return ticket
    }

    private func leave(_ ticket: Int) {
        let task = state.withLock { state -> Task<Void, Never>? in
            guard let index = state.waiting.firstIndex(where: { $0.ticket == ticket }) else { return nil }
            state.waiting.remove(at: index)
            guard state.waiting.isEmpty else { return nil }
            defer { state.gathering = nil }
            return state.gathering?.task
        }
        task?.cancel()
    }

    // MARK: Loads

    /// Starts the next load when there is need and room for one.
    private func gather(_ state: inout State) {
        guard state.gathering == nil, let first = state.waiting.first, state.loading.count < loadsMax else {
            return
        }
        let number = state.number()
        // Outlives the task that asks: others wait for the load, too.
        state.gathering = (number, Task { await self.run(number, first.admission) })
    }

    private func run(_ number: Int, _ admission: Admission?) async {
        do { try await admission?() } catch {
            for waiter in take(number) ?? [] { waiter.promise.resolve(.failure(Self.told(error))) }
            return end(number)
        }
        guard let batch = take(number) else { return }
        var seen: Set<Key> = []
        let keys = batch.count == 1 ? [batch[0].key] : batch.map(\.key).filter { seen.insert($0).inserted }
        await answer(keys, batch)
        end(number)
    }

    /// The waiters of a load that begins; `nil` when it was called off while it waited for its admission.
    private func take(_ number: Int) -> [Waiter]? {
        state.withLock { state in
            guard state.gathering?.number == number else { return nil }
            state.gathering = nil
            let batch = nextBatch(&state)
            state.loading[number] = batch
            gather(&state)
            return batch
        }
    }

    private func nextBatch(_ state: inout State) -> [Waiter] {
        guard state.waiting.count > batchMax else {
            defer { state.waiting = [] }
            return state.waiting
        }
        var keys: Set<Key> = []
        var batch: [Waiter] = []
        var rest: [Waiter] = []
        for waiter in state.waiting {
            if keys.contains(waiter.key) || keys.count < batchMax {
                keys.insert(waiter.key)
                batch.append(waiter)
            } else {
                rest.append(waiter)
            }
        }
        state.waiting = rest
        return batch
    }

    private func end(_ number: Int) {
        state.withLock { state in
            state.loading[number] = nil
            gather(&state)
        }
    }

    private func answer(_ keys: [Key], _ waiters: [Waiter]) async {
        do {
            let values = try await load(keys)
            for waiter in waiters { waiter.promise.resolve(.success(values[waiter.key])) }
        } catch  where keys.count > 1 && isFaultOfOneKey(error) {
            let half = Array(keys[..<(keys.count / 2)])
            let isInHalf = Set(half)
            await answer(half, waiters.filter { isInHalf.contains($0.key) })
            await answer(
                Array(keys[(keys.count / 2)...]), waiters.filter { !isInHalf.contains($0.key) })
        } catch {
            for waiter in waiters { waiter.promise.resolve(.failure(Self.told(error))) }
        }
    }

    /// A waiter that was not cancelled is not told that it was.
    private static func told(_ error: any Error) -> any Error {
        error is CancellationError ? WaitError.abandoned : error
    }
}
