import Glibc

/// One connection through the proxy: a client, the server, and what is on its way between them.
///
/// Lives on the proxy's thread alone.
final class ProxyLink {
    private enum Fate {
        case normal
        /// The client is gone; the server may finish what it has. Answers are dropped.
        case deserted
        /// The client is reset at the first byte of the answer.
        case deserting
        /// So many bytes of the next answer reach the client, then it is cut off.
        case cutting(after: Int, withReset: Bool)
    }

    private var client: Int32
    private var server: Int32
    private var reader = WireReader()
    private var toServer: [UInt8] = []
    private var toClient: [UInt8] = []
    private var fate = Fate.normal
    private var silentUntil = ContinuousClock.now
    private var desertedAt = ContinuousClock.now
    /// Ends in an orderly way once everything is written.
    private var isEnding = false
    private var clientBytes = 0
    private var serverBytes = 0

    private static let bufferedMax = 4 << 20
    /// MSG_NOSIGNAL.
    private static let noSignal: Int32 = 0x4000

    init(client: Int32, server: Int32) {
        self.client = client
        self.server = server
    }

    var isOver: Bool { client < 0 && server < 0 }

    /// What to poll for: the client's end and the server's.
    func interests(hearsClient: Bool, hearsServer: Bool) -> [pollfd] {
        guard ContinuousClock.now >= silentUntil else {
            return [pollfd(fd: -1, events: 0, revents: 0), pollfd(fd: -1, events: 0, revents: 0)]
        }
        let fromClient = hearsClient && toServer.count < ProxyLink.bufferedMax ? POLLIN : 0
        let fromServer = hearsServer && toClient.count < ProxyLink.bufferedMax ? POLLIN : 0
        return [
            pollfd(fd: client, events: Int16(fromClient | (toClient.isEmpty ? 0 : POLLOUT)), revents: 0),
            pollfd(fd: server, events: Int16(fromServer | (toServer.isEmpty ? 0 : POLLOUT)), revents: 0),
        ]
    }

    // MARK: Carrying

    /// Reads what the client says; the batches that are complete.
    func readClient() -> [WireReader.Batch] {
        guard client >= 0, let bytes = receive(client) else { return [] }
        clientBytes += bytes.count
        guard !bytes.isEmpty else {
            // The client hung up: what it said still reaches the server.
            isEnding = true
            return []
        }
        return reader.read(bytes[...])
    }

    /// Reads what the server answers.
    /// - Returns: whether that was the answer that was to be cut.
    func readServer() -> Bool {
        guard server >= 0, let bytes = receive(server) else { return false }
        serverBytes += bytes.count
        guard !bytes.isEmpty else {
            closeServer()
            isEnding = true
            return false
        }
        switch fate {
        case .normal:
            toClient += bytes
        case .deserted:
            end(withReset: false)
        case .deserting:
            end(withReset: true)
        case .cutting(let count, let withReset):
            toClient += bytes.prefix(max(1, min(count, bytes.count - 1)))
            flush()
            end(withReset: withReset)
            return true
        }
        return false
    }

    /// Bytes that were read since the last call.
    func takeCounts() -> (fromClient: Int, fromServer: Int) {
        defer { (clientBytes, serverBytes) = (0, 0) }
        return (clientBytes, serverBytes)
    }

    func forward(_ bytes: [UInt8]) {
        guard server >= 0 else { return }
        toServer += bytes
    }

    /// Writes what can be written, and ends what is to end.
    func flush() {
        if server >= 0 { send(&toServer, to: server) }
        if client >= 0 { send(&toClient, to: client) }
        if case .deserted = fate, ContinuousClock.now - desertedAt > .seconds(10) {
            return end(withReset: false)
        }
        if isEnding, server < 0 || toServer.isEmpty, client < 0 || toClient.isEmpty { end(withReset: false) }
    }

    // MARK: Faults

    func silence(for span: Duration) { silentUntil = ContinuousClock.now + span }

    /// The client loses the connection although the server has its batch: now, or at the first byte of the answer.
    func desert(afterAnswer: Bool) {
        guard !afterAnswer else { return fate = .deserting }
        fate = .deserted
        desertedAt = .now
        flush()
        LoopbackSocket.reset(client)
        client = -1
    }

    func cutAnswer(after count: Int, withReset: Bool) { fate = .cutting(after: count, withReset: withReset) }

    func end(withReset: Bool) {
        if client >= 0 {
            if withReset { LoopbackSocket.reset(client) } else { close(client) }
        }
        client = -1
        if server >= 0 { closeServer() }
    }

    private func closeServer() {
        close(server)
        server = -1
    }

    // MARK: Bytes

    /// Empty at the end of the stream, nil when there is nothing yet.
    private func receive(_ descriptor: Int32) -> [UInt8]? {
        var chunk = [UInt8](repeating: 0, count: 65_536)
        let count = recv(descriptor, &chunk, chunk.count, 0)
        if count < 0, errno == EAGAIN || errno == EINTR { return nil }
        return Array(chunk.prefix(max(0, count)))
    }

    private func send(_ bytes: inout [UInt8], to descriptor: Int32) {
        guard !bytes.isEmpty else { return }
        let count = Glibc.send(descriptor, bytes, bytes.count, ProxyLink.noSignal)
        if count < 0, errno != EAGAIN, errno != EINTR {
            // The peer is gone: what was for it goes nowhere.
            bytes = []
            isEnding = true
        }
        if count > 0 { bytes.removeFirst(count) }
    }
}
