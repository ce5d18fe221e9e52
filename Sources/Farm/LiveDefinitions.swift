internal import Jobs
internal import Platform

/// The policies as they are now: a reload replaces them while runs go on.
final class LiveDefinitions: Sendable {
    private let definitions: Lock<Definitions>

    init(_ definitions: Definitions) { self.definitions = Lock(definitions) }

    var now: Definitions { definitions.withLock { $0 } }

    subscript(kind: String) -> Definition? { definitions.withLock { $0[kind] } }

    func replace(with new: Definitions) { definitions.withLock { $0 = new } }
}
