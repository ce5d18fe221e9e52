internal import Front
internal import Glibc
internal import Platform

/// The tokens of the farm's own machine: one of a producer and one of an operator, made at the first start of `up` and kept
/// in the state folder, each in a file that its owner alone can read.
///
/// A caller on this machine proves who it is by reading such a file; an address proves nothing.
struct LocalTokens {
    /// The roles that have one.
    static let roles: [Role] = [.producer, .operator]

    private let folder: String

    /// - Parameter state: the state folder; it is there.
    init(state: String) { folder = state + "/tokens" }

    /// What its holder keeps; `nil` before the first start.
    func secret(_ role: Role) throws -> String? {
        let path = path(role)
        guard access(path, F_OK) == 0 else { return nil }
        let text = try TextFile.read(path, bytesMax: 256).filter { !$0.isWhitespace }
        guard RemoteSettings.isToken(text) else {
            throw Refusal(
                "\(path) holds no token: remove it, and the next start makes a new one", .configuration)
        }
        return text
    }

    /// The tokens as the front knows them; those that are missing are made.
    /// - Throws: `Refusal` when a file can't be read or written.
    func load() throws -> [Token] {
        try LocalTokens.roles.map { role in
            let name = "local-\(role.rawValue)"
            if let secret = try secret(role) { return Token(name: name, role: role, secret: secret) }
            try keep(Token.new(name: name, role: role).secret, at: path(role))
            // Another start may have been faster; its token counts.
            guard let secret = try secret(role) else { throw failure(path(role)) }
            return Token(name: name, role: role, secret: secret)
        }
    }

    private func path(_ role: Role) -> String { "\(folder)/\(role.rawValue)" }

    /// Keeps a new secret whole or not at all; the one that is there already stays.
    private func keep(_ secret: String, at path: String) throws {
        mkdir(folder, 0o700)
        let draft = "\(path).\(getpid())"
        let file = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw failure(draft) }
        defer { unlink(draft) }
        let text = secret + "\n"
        let written = write(file, text, text.utf8.count)
        let synced = fsync(file)
        close(file)
        guard written == text.utf8.count, synced == 0, link(draft, path) == 0 || errno == EEXIST else {
            throw failure(path)
        }
    }

    private func failure(_ path: String) -> Refusal {
        Refusal("\(path) can't be written: \(String(cString: strerror(errno)))", .configuration)
    }
}
