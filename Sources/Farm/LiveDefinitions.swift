internal import Jobs
internal import Platform

/// The policies as they are now: a reload replaces them while runs go on.
final class LiveDefinitions: Sendable {
    private struct State {
        var definitions: Definitions
        /// By kind, because each run asks for it, and a whole definition is much to copy.
        var timeLimits: [String: Duration]

        init(_ definitions: Definitions) {
            self.definitions = definitions
            timeLimits = definitions.byKind.mapValues(\.timeLimit)
        }
    }

    private let state: Lock<State>

    init(_ definitions: Definitions) { state = Lock(State(definitions)) }

    var now: Definitions { state.withLock { $0.definitions } }

    subscript(kind: String) -> Definition? { state.withLock { $0.definitions[kind] } }

    func timeLimit(of kind: String) -> Duration? { state.withLock { $0.timeLimits[kind] } }

    func replace(with new: Definitions) {
        let state = State(new)
        self.state.withLock { $0 = state }
    }
}
