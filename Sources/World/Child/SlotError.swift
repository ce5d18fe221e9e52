/// Why a slot could not be taken.
package enum SlotError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Somebody who is alive uses it.
    case taken(String)
    /// Something that does not end holds it, these processes as far as can be seen.
    case held(String, by: [Int32])

    package var description: String {
        switch self {
        case .taken(let path): "\(path) is in use"
        case .held(let path, let pids): "\(path) is held by processes that do not end: \(pids)"
        }
    }
}
