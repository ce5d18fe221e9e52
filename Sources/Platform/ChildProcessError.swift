/// Why a program could not be run to its end.
package enum ChildProcessError: Error, Sendable, CustomStringConvertible {
    /// The system refused: the program, and why.
    case cannotStart(String, String)
    /// It ran longer than allowed and was killed.
    case timedOut(String, after: Duration)

    package var description: String {
        switch self {
        case .cannotStart(let program, let reason): "cannot start \(program): \(reason)"
        case .timedOut(let program, let limit): "\(program) was killed after \(limit)"
        }
    }
}
