internal import Glibc
import HTTPServer
import Platform

/// A client that says exactly what it is told. It waits on threads of its own, at most ten seconds at a time.
final class Caller: Sendable {
    struct Trouble: Error, CustomStringConvertible {
        let description: String
    }

    private let descriptor: Int32
    /// What was received and not used yet.
    private let kept = Lock([UInt8]())

    /// - Parameter receiveBuffer: bytes that the kernel keeps for us; a small one makes a slow reader.
    init(_ address: BoundAddress, receiveBuffer: Int32? = nil) throws {
        let family =
            address.host.hasPrefix("/") ? AF_UNIX : address.host.contains(":") ? AF_INET6 : AF_INET
        descriptor = socket(family, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw Trouble(description: "no socket: \(errno)") }
        if var receiveBuffer { setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &receiveBuffer, 4) }
        var one: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, 4)
        var limit = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        // From here on a throw leads to `deinit`.
        guard Self.connect(descriptor, family, address) == 0 else {
            throw Trouble(description: "not connected: \(String(cString: strerror(errno)))")
        }
    }

    deinit { close(descriptor) }

    private static func connect(_ descriptor: Int32, _ family: Int32, _ address: BoundAddress) -> Int32 {
        switch family {
        case AF_UNIX:
            var place = sockaddr_un()
            place.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &place.sun_path) { $0.copyBytes(from: address.host.utf8) }
            return connect(descriptor, &place)
        case AF_INET6:
            var place = sockaddr_in6()
            place.sin6_family = sa_family_t(AF_INET6)
            place.sin6_port = address.port.bigEndian
            inet_pton(AF_INET6, address.host, &place.sin6_addr)
            return connect(descriptor, &place)
        default:
            var place = sockaddr_in()
            place.sin_family = sa_family_t(AF_INET)
            place.sin_port = address.port.bigEndian
            inet_pton(AF_INET, address.host, &place.sin_addr)
            return connect(descriptor, &place)
        }
    }

    private static func connect<Place>(_ descriptor: Int32, _ place: inout Place) -> Int32 {
        withUnsafePointer(to: &place) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<Place>.size))
            }
        }
    }

    // MARK: Saying

    func say(_ text: String) async throws { try await say(Array(text.utf8)) }

    /// Sends in pieces of this size; 0: in one.
    ///
    /// - Throws: when the other end does not take it.
    func say(_ bytes: [UInt8], inPiecesOf size: Int = 0) async throws {
        try await blocking("caller") {
            var position = 0
            while position < bytes.count {
                let end = size == 0 ? bytes.count : min(bytes.count, position + size)
                let sent = bytes[position..<end].withUnsafeBytes {
                    send(self.descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                guard sent > 0 else {
                    throw Trouble(description: "not sent: \(String(cString: strerror(errno)))")
                }
                position += sent
            }
        }
    }

    /// Says this again and again, a moment between, until the task is cancelled or the other end has closed.
    func drip(_ text: String) -> Task<Void, any Error> {
        Task {
            while !Task.isCancelled {
                try await say(text)
                try await Task.sleep(for: .milliseconds(50))
            }
        }
    }

    /// Sends what the kernel takes at once; returns how much that was.
    func sayWhatFits(_ bytes: [UInt8]) -> Int {
        max(0, send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT)))
    }

    /// Says that nothing more will be said.
    func endSaying() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// Ends the connection as a crash of the client would: by a reset.
    func reset() {
        var linger = Glibc.linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<linger>.size))
        // Closes the socket, and leaves its number to us.
        let nothing = open("/dev/null", O_RDONLY | O_CLOEXEC)
        dup2(nothing, descriptor)
        close(nothing)
    }

    // MARK: Hearing

    /// One answer; a 1xx is one, too.
    ///
    /// - Parameter isBodiless: as the answer to HEAD is.
    /// - Throws: when the connection ended before it, or nothing came.
    func hear(isBodiless: Bool = false) async throws -> Heard {
        try await blocking("caller") {
            var bytes = self.kept.withLock { $0 }
            while true {
                if let (heard, used) = try Heard.parse(bytes, isBodiless: isBodiless, isOver: false) {
                    let rest = Array(bytes[used...])
                    self.kept.withLock { $0 = rest }
                    return heard
                }
                let more = try self.receive()
                if more.isEmpty {
                    self.kept.withLock { $0 = [] }
                    guard let (heard, _) = try Heard.parse(bytes, isBodiless: isBodiless, isOver: true) else {
                        throw Trouble(description: "closed after \(bytes.count) bytes")
                    }
                    return heard
                }
                bytes += more
            }
        }
    }

    /// One answer whose body has this length; cheaper than ``hear(isBodiless:)`` for a long one.
    func hearExactly(_ length: Int) async throws -> [UInt8] {
        try await blocking("caller") {
            var bytes = self.kept.withLock { $0 }
            var start: Int?
            while true {
                start = start ?? Heard.headEnd(bytes)
                if let start, bytes.count >= start + length {
                    let rest = Array(bytes[(start + length)...])
                    self.kept.withLock { $0 = rest }
                    return Array(bytes[start..<(start + length)])
                }
                let more = try self.receive()
                guard !more.isEmpty else { throw Trouble(description: "closed after \(bytes.count) bytes") }
                bytes += more
            }
        }
    }

    /// Everything up to the end of the connection, orderly or not.
    func hearAll() async throws -> [UInt8] {
        try await blocking("caller") {
            var bytes = self.kept.withLock { $0 }
            while true {
                let more = try self.receive()
                guard !more.isEmpty else { return bytes }
                bytes += more
            }
        }
    }

    /// The next bytes, whatever they are; empty at the end.
    func hearSome(atMost count: Int = 65_536) async throws -> [UInt8] {
        let early = kept.withLock { kept in
            defer { kept = [] }
            return kept
        }
        guard early.isEmpty else { return early }
        return try await blocking("caller") { try self.receive(atMost: count) }
    }

    /// Whether the other end closed and had nothing more to say.
    func hearsNothing() async throws -> Bool { try await hearAll().isEmpty }

    private func receive(atMost count: Int = 65_536) throws -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: count)
        let received = recv(descriptor, &buffer, buffer.count, 0)
        if received < 0 {
            guard errno == ECONNRESET else {
                throw Trouble(description: "nothing came: \(String(cString: strerror(errno)))")
            }
            return []
        }
        return Array(buffer[..<received])
    }

    // MARK: Unix sockets

    static func place(_ path: String) -> BoundAddress { BoundAddress(host: path, port: 0) }

    /// Leaves what a server that was killed leaves.
    static func leaveDeadSocket(_ path: String) throws {
        let dead = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(dead) }
        var place = sockaddr_un()
        place.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &place.sun_path) { $0.copyBytes(from: path.utf8) }
        let isBound = withUnsafePointer(to: &place) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(dead, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
            }
        }
        guard isBound else { throw Trouble(description: "not bound: \(errno)") }
    }

    static func remove(_ path: String) { unlink(path) }
}
