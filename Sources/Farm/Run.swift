package import Jobs
internal import Platform
package import Postgres
internal import Store

/// One run of one job, as its kind sees it.
package struct Run: Sendable {
    package let job: ClaimedJob
    let shared: Shared

    /// What every run of a farm may use.
    struct Shared: Sendable {
        let store: Store
        let hosts: HostBudgets
        let killPoint: KillPoint?
    }

    /// Whether and when this run last told its progress.
    let progress = Lock<Duration?>(nil)

    init(job: ClaimedJob, shared: Shared) {
        self.job = job
        self.shared = shared
    }

    /// The same for every run of this job: what an effect outside carries, so that making it twice is making it once.
    package var identity: String { "motorpool-\(job.id)" }

    /// Runs `body` in a transaction that ends with the settlement of this run, the fence checked last. The rows of
    /// `body` and the departure of the job are committed together, or neither is.
    ///
    /// - Returns: the outcome to return from `run`; nothing may follow it.
    /// - Throws: what `body` throws; `StoreError.stale` when the run was overtaken, and nothing is kept then.
    package func commit(
        followUps: [NewJob] = [], _ body: (Transaction) async throws -> JSON?
    ) async throws -> Outcome {
        try Task.checkCancellation()
        let killPoint = shared.killPoint
        killPoint?.pass(.beforeCommit)
        try await shared.store.commit(job.token, beforeFence: { killPoint?.pass(.beforeFence) }) { tx in
            let result = try await body(tx)
            return ((), result: result, followUps: followUps)
        }
        killPoint?.pass(.afterCommit)
        return .committed
    }

    /// Within the transaction of `commit`: makes sure that this run has not been overtaken, and that it will not be
    /// until the transaction ends. For what is changed outside of the database at the last moment, such as a file put
    /// in its place.
    /// - Throws: `StoreError.stale`
    package func holdFence(in tx: Transaction) async throws {
        try await shared.store.holdFence(job.token, in: tx)
    }

    /// Tells how far the run is. More than once a second is passed over, except when the phase is new.
    package func report(
        phase: String? = nil, done: Int64? = nil, total: Int64? = nil, isNewPhase: Bool = false
    ) async {
        let now = BootClock.now
        let isDue = progress.withLock { last in
            guard isNewPhase || last.map({ now - $0 >= .seconds(1) }) ?? true else { return false }
            last = now
            return true
        }
        // Progress is a courtesy: a run does not fail because it could not tell how far it is.
        if isDue { try? await shared.store.report(job.token, phase: phase, done: done, total: total) }
    }

    /// Waits until the cluster may ask `host` once more. The rate comes from the `host` lines of `jobs/`.
    /// - Throws: `CancellationError`; `StoreError.badRequest` for a host without a rate.
    package func mayAsk(_ host: String) async throws {
        try await shared.hosts.take(host)
    }

    /// The same reading that accepted the args when they were enqueued.
    func decodeArgs<T: Decodable>(as type: T.Type) throws -> T {
        do {
            return try job.args.parts().decode(T.self)
        } catch let error as DecodingError {
            throw ArgsError(error)
        }
    }
}

/// A decoding error in a sentence.
struct ArgsError: Error, CustomStringConvertible {
    let description: String

    init(_ error: DecodingError) {
        func place(_ context: DecodingError.Context) -> String {
            let path = context.codingPath.map(\.stringValue).joined(separator: ".")
            return path.isEmpty ? "args" : "“\(path)”"
        }
        switch error {
        case .keyNotFound(let key, _): description = "“\(key.stringValue)” is missing"
        case .typeMismatch(let type, let context):
            description = "\(place(context)) should be \(Self.word(for: type))"
        case .valueNotFound(let type, let context):
            description = "\(place(context)) is null and should be \(Self.word(for: type))"
        case .dataCorrupted(let context): description = context.debugDescription
        @unknown default: description = "not decodable"
        }
    }

    /// What JSON calls it: whoever writes args need not know Swift.
    private static func word(for type: any Any.Type) -> String {
        switch type {
        case is String.Type: "a string"
        case is Bool.Type: "true or false"
        case is any BinaryInteger.Type: "a whole number"
        case is any BinaryFloatingPoint.Type: "a number"
        default:
            if "\(type)".hasPrefix("Dictionary<") {
                "an object"
            } else if "\(type)".hasPrefix("Array<") {
                "an array"
            } else {
                "another kind of value"
            }
        }
    }
}
