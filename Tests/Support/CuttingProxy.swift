import Glibc
internal import Platform

/// A TCP relay on loopback that cuts one conversation at a word from the client; later ones pass. It may lead elsewhere from
/// some moment on, as a virtual address does.
package final class CuttingProxy: Sendable {
    package enum Cut: Sendable {
        /// The word reaches the server, its answer does not reach the client.
        case answer
        /// The word does not reach the server, and both sides lose the connection.
        case question
        /// The word does not reach the server, which keeps waiting; the client loses the connection.
        case questionUnnoticed
    }

    package let port: Int
    private let listener: Int32
    private let serverPort: Lock<Int>
    private let cut: Cut
    private let word: [UInt8]
    private let hasCut = Lock(false)
    private let kept = Lock<[Int32]>([])

    /// - Parameter word: empty: nothing is cut.
    package init(to serverPort: Int, at word: String = "", cut: Cut = .answer) throws {
        self.serverPort = Lock(serverPort)
        self.cut = cut
        self.word = Array(word.utf8)
        (listener, port) = try listenOnLoopback()
    }

    package func start() {
        _ = BlockingThread.start("proxy") {
            while true {
                let client = accept(self.listener, nil, nil)
                guard client >= 0 else { return }
                _ = BlockingThread.start("proxy-pair") { self.relay(client) }
            }
        }
    }

    package func stop() {
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
        for server in kept.withLock({ $0 }) { close(server) }
    }

    /// Leads new conversations to another port. Those that are under way go on where they are.
    package func lead(to port: Int) { serverPort.withLock { $0 = port } }

    private func relay(_ client: Int32) {
        defer { close(client) }
        guard let server = connectToLoopback(serverPort.withLock { $0 }) else { return }
        var keepsServer = false
        defer { if keepsServer { kept.withLock { $0.append(server) } } else { close(server) } }
        while true {
            var ends = [
                pollfd(fd: client, events: Int16(POLLIN), revents: 0),
                pollfd(fd: server, events: Int16(POLLIN), revents: 0),
            ]
            guard poll(&ends, 2, -1) > 0 else { return }
            if ends[0].revents != 0 {
                guard let bytes = receive(client) else { return }
                if isTimeToCut(bytes) {
                    keepsServer = cut == .questionUnnoticed
                    if cut == .answer, transmit(bytes, to: server) { _ = receive(server) }
                    return
                }
                guard transmit(bytes, to: server) else { return }
            }
            if ends[1].revents != 0 {
                guard let bytes = receive(server), transmit(bytes, to: client) else { return }
            }
        }
    }

    private func isTimeToCut(_ bytes: [UInt8]) -> Bool {
        guard !word.isEmpty, bytes.indices.contains(where: { bytes[$0...].starts(with: word) }) else {
            return false
        }
        return hasCut.withLock { hasCut in
            defer { hasCut = true }
            return !hasCut
        }
    }
}

/// A port that completes the TCP handshake and then says nothing.
package final class SilentPort: Sendable {
    package let port: Int
    private let listener: Int32

    package init() throws { (listener, port) = try listenOnLoopback() }

    deinit { close(listener) }
}

private func listenOnLoopback() throws -> (descriptor: Int32, port: Int) {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = loopback(port: 0)
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let bound = withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
            bind(descriptor, address, size) == 0 && listen(descriptor, 64) == 0
                && getsockname(descriptor, address, &size) == 0
        }
    }
    guard bound else { throw PlatformFault("listening on loopback", code: errno) }
    return (descriptor, Int(UInt16(bigEndian: address.sin_port)))
}

private func connectToLoopback(_ port: Int) -> Int32? {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = loopback(port: port)
    let connected = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
        }
    }
    if connected { return descriptor }
    close(descriptor)
    return nil
}

private func loopback(port: Int) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    return address
}

/// Nil at the end of the stream.
private func receive(_ descriptor: Int32) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: 65_536)
    let count = recv(descriptor, &bytes, bytes.count, 0)
    return count > 0 ? Array(bytes[..<count]) : nil
}

private func transmit(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
    var sent = 0
    while sent < bytes.count {
        let count = bytes[sent...].withUnsafeBytes {
            send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
        guard count > 0 else { return false }
        sent += count
    }
    return true
}
