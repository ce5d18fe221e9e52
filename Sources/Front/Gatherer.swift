internal import Platform
internal import Postgres

/// Asks once for what many want at the same time.
///
/// The first asks at once; whoever comes while that is under way goes with the next question, so that a crowd costs the
/// database a few statements and nobody is told what was read before he asked.
package final class Gatherer<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private struct State {
        var waiting: [Key: [CheckedContinuation<Value?, any Error>]] = [:]
        var isAsking = false
    }

    private let batchMax: Int
    private let ask: @Sendable ([Key]) async throws -> [Key: Value]
    private let state = Lock(State())

    /// - Parameters:
    ///   - batchMax: so many keys in one question.
    ///   - ask: what it does not find is not in its answer. Within a bounded time.
    package init(batchMax: Int, _ ask: @escaping @Sendable ([Key]) async throws -> [Key: Value]) {
        self.batchMax = batchMax
        self.ask = ask
    }

    /// How many wait for the next question.
    package var waiting: Int { state.withLock { $0.waiting.values.reduce(0) { $0 + $1.count } } }

    /// The value as it was at some time since the call; `nil` when there is none. Waits for two questions at most while fewer
    /// than `batchMax` keys are asked for, whether its task is cancelled or not.
    /// - Throws: what the question threw.
    package func value(of key: Key) async throws -> Value? {
        try await withCheckedThrowingContinuation { continuation in
            let isFirst = state.withLock { state in
                state.waiting[key, default: []].append(continuation)
                defer { state.isAsking = true }
                return !state.isAsking
            }
            // Asks for everybody, and ends when nobody waits.
            if isFirst { Task { await self.askOn() } }
        }
    }

    private func askOn() async {
        while let batch = next() {
            do {
                let values = try await ask(Array(batch.keys))
                for (key, waiting) in batch { for one in waiting { one.resume(returning: values[key]) } }
            } catch let error as PostgresError where error.isData && batch.count > 1 {
                await askApart(batch)
            } catch {
                for waiting in batch.values { for one in waiting { one.resume(throwing: error) } }
            }
        }
    }

    private func next() -> [Key: [CheckedContinuation<Value?, any Error>]]? {
        state.withLock { state in
            guard !state.waiting.isEmpty else {
                state.isAsking = false
                return nil
            }
            guard state.waiting.count > batchMax else {
                defer { state.waiting = [:] }
                return state.waiting
            }
            var batch: [Key: [CheckedContinuation<Value?, any Error>]] = [:]
            for key in state.waiting.keys.prefix(batchMax) {
                batch[key] = state.waiting.removeValue(forKey: key)
            }
            return batch
        }
    }

    /// One of the keys can't be asked for: the others are not to suffer for it.
    private func askApart(_ batch: [Key: [CheckedContinuation<Value?, any Error>]]) async {
        for (key, waiting) in batch {
            let result: Result<Value?, any Error>
            do { result = .success(try await ask([key])[key]) } catch { result = .failure(error) }
            for one in waiting { one.resume(with: result) }
        }
    }
}
