internal import Glibc
internal import Platform

/// A client that asks for a file and reads what comes as fast as it can.
struct FileClient: Sendable {
    /// What came of an answer.
    struct Received: Sendable {
        let head: HTTPAnswerHead
        /// Of the body.
        let bytes: Int
        let seconds: Double
    }

    let port: Int

    private static let patience = 10

    /// Asks, and hangs up after the answer, or after so many bytes of its body.
    ///
    /// - Parameter sink: is given the body piece by piece.
    /// - Throws: `BenchError` when the answer ends too early, or nothing comes for ten seconds.
    func ask(
        _ question: [UInt8], bytesMax: Int = .max, into sink: (UnsafeRawBufferPointer) -> Void = { _ in }
    ) throws -> Received {
        let began = BootClock.now
        let descriptor = try connected()
        defer { close(descriptor) }
        guard send(descriptor, question, question.count, Int32(MSG_NOSIGNAL)) == question.count else {
            throw BenchError("asking for a file: \(String(cString: strerror(errno)))")
        }
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        var opening: [UInt8] = []
        var head: HTTPAnswerHead?
        while head == nil {
            opening += buffer[..<(try receive(descriptor, &buffer))]
            head = HTTPAnswerHead(opening)
        }
        guard let head else { throw BenchError("an answer without a head") }
        let wanted = min(head.length - head.headLength, bytesMax)
        var got = min(wanted, opening.count - head.headLength)
        opening[head.headLength...].prefix(got).withUnsafeBytes(sink)
        while got < wanted {
            let count = min(try receive(descriptor, &buffer), wanted - got)
            buffer[..<count].withUnsafeBytes(sink)
            got += count
        }
        return Received(head: head, bytes: got, seconds: (BootClock.now - began).inSecondsExact)
    }

    /// A connection that blocks, but not for ever.
    private func connected() throws -> Int32 {
        let descriptor = try LoopbackSocket.connect(to: port, from: 0)
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) & ~O_NONBLOCK)
        var patience = timeval(tv_sec: Self.patience, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, size)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, size)
        return descriptor
    }

    private func receive(_ descriptor: Int32, _ buffer: inout [UInt8]) throws -> Int {
        let count = recv(descriptor, &buffer, buffer.count, 0)
        guard count > 0 else {
            throw BenchError(
                count == 0
                    ? "the front hung up within a file"
                    : "reading a file: \(String(cString: strerror(errno)))")
        }
        return count
    }
}
