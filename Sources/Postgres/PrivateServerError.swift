/// Why a private server could not be kept, with what to do about it.
package enum PrivateServerError: Error, Sendable, CustomStringConvertible {
    case root
    case noAccount(UInt32)
    case folder(String, String)
    case folderTooLong(String, bytesMax: Int)
    case taken(String, by: String)
    case noTools(String)
    /// A PostgreSQL program failed: what it was to do, and what it said.
    case failed(String, String)

    package var description: String {
        switch self {
        case .root:
            """
            PostgreSQL refuses to run as root: start motorpool through ./run, which changes to an unprivileged \
            account, or set DATABASE_URL to a server of yours
            """
        case .noAccount(let number):
            "user \(number) has no entry in /etc/passwd, which PostgreSQL needs: add one, or set DATABASE_URL"
        case .folder(let path, let reason):
            "cannot use the state folder \(path): \(reason)"
        case .folderTooLong(let path, let bytesMax):
            """
            the state folder's path is too long for a socket in it, it may have \(bytesMax) bytes: \(path); choose a \
            shorter one with --state
            """
        case .taken(let path, let holder):
            "another farm\(holder) uses the state folder \(path): stop it, or choose another one with --state"
        case .noTools(let reason):
            "no usable PostgreSQL server: \(reason)"
        case .failed(let deed, let said):
            "\(deed) failed: \(said)"
        }
    }
}
