/// The classes of what goes wrong with steamcmd; each asks for something else.
package enum SteamcmdFailure: Error, Hashable, Sendable, CustomStringConvertible {
    /// It took too long, or the line was down: what has come is there, and the next try goes on with it.
    case timeout
    case noConnection
    /// steamcmd's word for anything. A fresh folder often cures it.
    case failure
    case lockingFailed
    case stagedFiles
    case fileLocked
    /// An account that owns the game is needed. We have none.
    case notForUs(String)
    case fileNotFound
    /// Too many log-ins; trying again prolongs it.
    case rateLimited
    case loginRefused(String)
    case notLoggedOn
    /// This machine's disk, not Steam.
    case disk(String)
    case unknown(String)
    /// It reported success, and the folder is empty; or its own book does not know the item.
    case noFiles
    case notNoted
    /// It reported success for a folder that is not ours.
    case elsewhere(String)
    /// Steam announced another sum of sizes.
    case wrongSize(expected: Int64, found: Int64)
    /// It ended without a word about the item.
    case silent(String)

    /// - Parameter reason: the words in the brackets of “Download item … failed (…)”.
    init(reason: String) {
        switch reason {
        case "Timeout": self = .timeout
        case "No Connection": self = .noConnection
        case "Failure": self = .failure
        case "Locking Failed": self = .lockingFailed
        case "Access Denied", "No subscription", "No Subscription", "Missing configuration":
            self = .notForUs(reason)
        case "File Not Found": self = .fileNotFound
        case "Rate Limit Exceeded": self = .rateLimited
        case "I/O Operation Failed", "Disk Write Failure", "Disk Full": self = .disk(reason)
        case "Not Logged On", "Not logged on": self = .notLoggedOn
        default: self = .unknown(reason)
        }
    }

    /// - Parameter login: the words with which a log-in was refused.
    init(login: String) {
        switch login {
        case "Rate Limit Exceeded": self = .rateLimited
        case "No Connection": self = .noConnection
        case "Timeout": self = .timeout
        default: self = .loginRefused(login)
        }
    }

    /// What is to be done about it.
    package enum Remedy: Hashable, Sendable {
        /// Again, going on with what has come; at most so many times.
        case resume(triesMax: Int)
        /// Again, from nothing.
        case startAnew(triesMax: Int)
        /// Nothing helps.
        case giveUp
        /// Nobody asks Steam for so long.
        case rest(Duration)
        /// Something on this machine is wrong; later.
        case later
    }

    package var remedy: Remedy {
        switch self {
        case .timeout, .noConnection: .resume(triesMax: 5)
        case .failure, .lockingFailed, .stagedFiles, .fileLocked, .unknown, .noFiles, .notNoted, .wrongSize,
            .silent:
            .startAnew(triesMax: 2)
        case .notLoggedOn: .startAnew(triesMax: 3)
        case .notForUs, .fileNotFound, .loginRefused, .elsewhere: .giveUp
        case .rateLimited: .rest(.seconds(30 * 60))
        case .disk: .later
        }
    }

    package var description: String {
        switch self {
        case .timeout: "steamcmd: Timeout"
        case .noConnection: "steamcmd: No Connection"
        case .failure: "steamcmd: Failure"
        case .lockingFailed: "steamcmd: Locking Failed"
        case .stagedFiles: "steamcmd: Staged file validation failed"
        case .fileLocked: "steamcmd: Failed to write patch state file"
        case .notForUs(let words): "steamcmd: \(words): an account that owns the game is needed"
        case .fileNotFound: "steamcmd: File Not Found"
        case .rateLimited: "steamcmd: Rate Limit Exceeded"
        case .loginRefused(let words): "steamcmd: the log-in was refused: \(words)"
        case .notLoggedOn: "steamcmd: Not logged on"
        case .disk(let words): "steamcmd: \(words): this machine's disk"
        case .unknown(let words): "steamcmd: \(words)"
        case .noFiles: "steamcmd: success without files"
        case .notNoted: "steamcmd: success without an entry in its own book"
        case .elsewhere(let path): "steamcmd: success in a folder that is not ours: \(path)"
        case .wrongSize(let expected, let found):
            "steamcmd: the files have \(found) bytes, and Steam announced \(expected)"
        case .silent(let end): "steamcmd: not a word about the item; it \(end)"
        }
    }
}
