internal import Glibc

/// A socket that others can connect to.
struct ListeningSocket: Sendable {
    let descriptor: Int32
    let address: BoundAddress

    /// Binds and listens. Never shares a port with another program: whoever has it keeps it.
    ///
    /// The file that a dead server left in the place of a unix socket is replaced; a living one's is not.
    /// - Throws: `BindFailure`
    init(_ settings: HTTPSettings) throws(BindFailure) {
        let isPath = settings.host.hasPrefix("/")
        var wanted =
            try isPath
            ? SocketAddress(path: settings.host) : SocketAddress(host: settings.host, port: settings.port)
        let descriptor = socket(
            wanted.family, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw Self.failure(settings, errno) }
        var one: Int32 = 1
        // Otherwise a restart would have to wait until the last connections are forgotten.
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, 4)
        if isPath { Self.removeStale(settings.host, &wanted) }
        // The mode is set before anybody can connect: that takes listen().
        guard wanted.withPointer({ bind(descriptor, $0, $1.pointee) }) == 0,
            !isPath || chmod(settings.host, settings.socketMode) == 0, listen(descriptor, 1024) == 0
        else {
            let code = errno
            close(descriptor)
            throw Self.failure(settings, code)
        }
        var bound = SocketAddress()
        _ = bound.withPointer { getsockname(descriptor, $0, $1) }
        self.descriptor = descriptor
        address = BoundAddress(host: settings.host, port: isPath ? 0 : bound.port)
    }

    /// Lets nobody in any more.
    func stop() {
        close(descriptor)
        if address.host.hasPrefix("/") { unlink(address.host) }
    }

    private static func removeStale(_ path: String, _ address: inout SocketAddress) {
        var status = stat()
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else { return }
        let caller = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard caller >= 0 else { return }
        defer { close(caller) }
        if address.withPointer({ connect(caller, $0, $1.pointee) }) != 0, errno == ECONNREFUSED {
            unlink(path)
        }
    }

    private static func failure(_ settings: HTTPSettings, _ code: Int32) -> BindFailure {
        let place = settings.host.hasPrefix("/") ? settings.host : "\(settings.host) port \(settings.port)"
        let reason =
            switch code {
            case EADDRINUSE: "another program is listening there"
            case EADDRNOTAVAIL: "this machine does not have that address"
            case EACCES: "that is not allowed to this account (ports below 1024 are root's)"
            default: String(cString: strerror(code))
            }
        return BindFailure("cannot listen on \(place): \(reason)")
    }
}
