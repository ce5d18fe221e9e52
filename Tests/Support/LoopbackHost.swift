import Glibc
internal import Platform

/// An HTTP host of a test's own: raw sockets, a thread a connection, and answers that may break every rule.
package final class LoopbackHost: Sendable {
    package struct Question: Sendable {
        package let method: String
        package let target: String
        /// Names in small letters.
        package let headers: [String: String]
        package let body: [UInt8]
        /// Which connection it came over, counted from 1.
        package let connection: Int
    }

    package enum Step: Sendable {
        case bytes([UInt8])
        case text(String)
        /// Says nothing for so long, or until the other side hangs up.
        case pause(Duration)
        case hangUp
        /// Hangs up so that the other side sees an error.
        case reset
    }

    private struct State {
        var questions: [Question] = []
        var connections = 0
        var open = 0
        var openMax = 0
        var hangUps = 0
        var isStopped = false
    }

    package let port: Int
    private let listener: Int32
    private let state = Lock(State())
    private let answer: @Sendable (Question) -> [Step]

    /// - Parameter address: one of 127.0.0.0/8.
    package init(
        on address: String = "127.0.0.1", port: Int = 0, answer: @escaping @Sendable (Question) -> [Step]
    ) throws {
        (listener, self.port) = try Loopback.listen(on: address, port: port)
        self.answer = answer
        _ = BlockingThread.start("host") {
            while true {
                let client = accept(self.listener, nil, nil)
                guard client >= 0 else { return }
                let number = self.state.withLock { state in
                    state.connections += 1
                    state.open += 1
                    state.openMax = max(state.openMax, state.open)
                    return state.connections
                }
                _ = BlockingThread.start("host-client") {
                    self.serve(client, number)
                    close(client)
                    self.state.withLock { $0.open -= 1 }
                }
            }
        }
    }

    /// The same answer to every question.
    package convenience init(on address: String = "127.0.0.1", _ steps: Step...) throws {
        try self.init(on: address) { _ in steps }
    }

    package func stop() {
        guard
            !state.withLock({ state in
                defer { state.isStopped = true }; return state.isStopped
            })
        else { return }
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }

    deinit { stop() }

    package var questions: [Question] { state.withLock { $0.questions } }
    package var connections: Int { state.withLock { $0.connections } }
    /// Connections open now.
    package var open: Int { state.withLock { $0.open } }
    /// The most connections that were open at one time.
    package var openMax: Int { state.withLock { $0.openMax } }
    /// How often the other side hung up while we were talking, or silent.
    package var hangUps: Int { state.withLock { $0.hangUps } }

    package func address(_ target: String = "/") -> String { "http://127.0.0.1:\(port)\(target)" }

    private func serve(_ client: Int32, _ number: Int) {
        var kept: [UInt8] = []
        while let question = read(client, &kept, number) {
            state.withLock { $0.questions.append(question) }
            for step in answer(question) where !perform(step, client) { return }
        }
    }

    /// - Returns: whether the connection goes on.
    private func perform(_ step: Step, _ client: Int32) -> Bool {
        switch step {
        case .text(let text): return transmit(Array(text.utf8), client)
        case .bytes(let bytes): return transmit(bytes, client)
        case .pause(let span):
            let isQuiet = Loopback.isQuiet(client, for: span)
            if !isQuiet { state.withLock { $0.hangUps += 1 } }
            return isQuiet
        case .hangUp: return false
        case .reset:
            var linger = linger(l_onoff: 1, l_linger: 0)
            setsockopt(client, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
            return false
        }
    }

    private func transmit(_ bytes: [UInt8], _ client: Int32) -> Bool {
        let isSent = Loopback.send(bytes, client)
        if !isSent { state.withLock { $0.hangUps += 1 } }
        return isSent
    }

    private func read(_ client: Int32, _ kept: inout [UInt8], _ number: Int) -> Question? {
        let mark = Array("\r\n\r\n".utf8)
        var end: Int?
        while end == nil {
            end = kept.indices.first { kept[$0...].starts(with: mark) }
            if end == nil {
                guard let more = Loopback.receive(client) else { return nil }
                kept += more
            }
            // Whoever wants TLS is told in plain words that there is none.
            if kept.first == 0x16 {
                _ = Loopback.send(Array("HTTP/1.1 400 So\r\n\r\n".utf8), client)
                return nil
            }
        }
        guard let end else { return nil }
        let lines = String(decoding: kept[..<end], as: UTF8.self).split(separator: "\r\n")
        let words = lines[0].split(separator: " ")
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            headers[parts[0].lowercased()] = parts.count > 1 ? String(parts[1].drop { $0 == " " }) : ""
        }
        kept.removeFirst(end + 4)
        let length = headers["content-length"].flatMap { Int($0) } ?? 0
        while kept.count < length {
            guard let more = Loopback.receive(client) else { return nil }
            kept += more
        }
        defer { kept.removeFirst(length) }
        return Question(
            method: String(words[0]), target: String(words[1]), headers: headers,
            body: Array(kept[..<length]),
            connection: number)
    }
}

extension LoopbackHost.Step {
    /// A whole answer.
    package static func ok(_ body: String, _ fields: String...) -> Self {
        answer(200, Array(body.utf8), fields)
    }

    package static func answer(_ status: Int, _ body: [UInt8], _ fields: [String] = []) -> Self {
        let head = ["HTTP/1.1 \(status) So", "Content-Length: \(body.count)"] + fields
        return .bytes(Array((head.joined(separator: "\r\n") + "\r\n\r\n").utf8) + body)
    }

    package static func redirect(_ status: Int, to location: String) -> Self {
        answer(status, [], ["Location: \(location)"])
    }
}

/// Sockets on loopback.
package enum Loopback {
    package static func listen(on address: String, port: Int = 0, backlog: Int32 = 512) throws -> (Int32, Int)
    {
        let isSix = address.contains(":")
        let descriptor = socket(
            isSix ? AF_INET6 : AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var yes: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, 4)
        let bound = isSix ? bind6(descriptor, address, port) : bind4(descriptor, address, port)
        guard bound >= 0, Glibc.listen(descriptor, backlog) == 0 else {
            throw PlatformFault("listening on \(address)", code: errno)
        }
        return (descriptor, bound)
    }

    private static func bind4(_ descriptor: Int32, _ text: String, _ port: Int) -> Int {
        var address = address4(text, port)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let code = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, size) == 0 ? getsockname(descriptor, $0, &size) : -1
            }
        }
        return code == 0 ? Int(UInt16(bigEndian: address.sin_port)) : -1
    }

    private static func bind6(_ descriptor: Int32, _ text: String, _ port: Int) -> Int {
        var yes: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &yes, 4)
        var address = sockaddr_in6()
        address.sin6_family = sa_family_t(AF_INET6)
        address.sin6_port = UInt16(port).bigEndian
        inet_pton(AF_INET6, text, &address.sin6_addr)
        var size = socklen_t(MemoryLayout<sockaddr_in6>.size)
        let code = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, size) == 0 ? getsockname(descriptor, $0, &size) : -1
            }
        }
        return code == 0 ? Int(UInt16(bigEndian: address.sin6_port)) : -1
    }

    private static func address4(_ text: String, _ port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        inet_pton(AF_INET, text, &address.sin_addr)
        return address
    }

    /// Connects without waiting, and stays so.
    package static func connectSoon(to port: Int) -> Int32 {
        let descriptor = socket(
            AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
        var address = address4("127.0.0.1", port)
        withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        return descriptor
    }

    /// Nil at the end of the stream.
    static func receive(_ descriptor: Int32) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 65_536)
        let count = recv(descriptor, &bytes, bytes.count, 0)
        return count > 0 ? Array(bytes[..<count]) : nil
    }

    static func send(_ bytes: [UInt8], _ descriptor: Int32) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }

    /// Waits so long; false when the other side hung up.
    static func isQuiet(_ descriptor: Int32, for span: Duration) -> Bool {
        let (seconds, attoseconds) = span.components
        let milliseconds = Int32(seconds * 1000 + attoseconds / 1_000_000_000_000_000)
        // POLLRDHUP, which the Glibc module does not have.
        var watched = pollfd(fd: descriptor, events: 0x2000, revents: 0)
        return poll(&watched, 1, milliseconds) == 0
    }

    /// Descriptors of this process.
    package static var descriptors: Int {
        guard let folder = opendir("/proc/self/fd") else { return -1 }
        defer { closedir(folder) }
        var count = 0
        while readdir(folder) != nil { count += 1 }
        return count
    }
}
