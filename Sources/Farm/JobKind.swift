package import Jobs

/// One kind of job: a name, what its arguments are, and what a run does.
///
/// A kind is one file, and its policy is one `jobs/<name>.conf`. A run may happen more than once, and its process may end
/// at any line; what it writes to our own database belongs into `run.commit`, and what it does outside carries
/// `run.identity`.
package protocol JobKind: Sendable {
    associatedtype Args: Decodable & Sendable
    /// The kind's name: a-z, 0-9, `_` and `-`.
    static var name: String { get }
    /// Does the work once. Throwing is a failure that patience judges; cancellation of the task means that time is up,
    /// the job was cancelled or the process is going away: return or throw soon.
    func run(_ args: Args, _ run: Run) async throws -> Outcome
}

/// A kind with its arguments' type hidden, as lanes run it.
package struct AnyKind: Sendable {
    package let name: String
    let perform: @Sendable (Run) async throws -> Outcome

    package init<K: JobKind>(_ kind: K) {
        name = K.name
        perform = { run in
            guard K.Args.self != NoArgs.self else { return try await kind.run(NoArgs() as! K.Args, run) }
            let args: K.Args
            do {
                args = try run.decodeArgs(as: K.Args.self)
            } catch {
                return .failForGood(error: "the args don't fit the kind \(K.name): \(error)")
            }
            return try await kind.run(args, run)
        }
    }
}

/// For kinds that take none; whatever is passed is not even parsed.
package struct NoArgs: Decodable, Sendable {
    package init() {}
}
