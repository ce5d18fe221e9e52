extension Connection {
    /// Sends an answer.
    ///
    /// - Returns: Whether the connection can take another request.
    func answer(_ response: Response, to head: RequestHead) async -> Bool {
        guard !isGone else { return false }
        isAnswered = true
        enter(.answering)
        if let refusal = parser.refusal {
            await refuse(refusal)
            return false
        }
        // Half a request is nobody's question.
        if !parser.isComplete, isAtEnd {
            vanish(.peerGone)
            return false
        }
        var answer = Answer(response, to: head, gzipFrom: settings.gzipFrom)
        if answer.isToCompress { await compress(&answer) }
        // A body that was not read to its end would be taken for the next request.
        if !parser.isComplete || share.isDraining { answer.ending = .closed }
        do {
            switch answer.sent {
            case .none: try await write(answer.head(share.date))
            case .bytes(let bytes): try await send(answer, bytes)
            case .file(let part): try await send(answer, part)
            case .stream(let body): try await send(answer, body)
            }
        } catch {
            vanish(.answerBroken)
            return false
        }
        if case .closed = answer.ending {
            if hasUnread { await linger() }
            return false
        }
        return true
    }

    /// Answers in the place of a handler, and closes.
    func refuse(_ refusal: Refusal) async {
        count(refusal.cut)
        var bytes: [UInt8] = []
        let response = refusal.response
        guard case .bytes(let body) = response.content else { return }
        ResponseHead.write(
            refusal.status, response.headers, .length(body.count), .closed, date: share.date, to: &bytes)
        bytes += body
        do { try await write(bytes) } catch { return }
        // Who was too slow is not waited for once more.
        if refusal.status != 408 { await linger() }
    }

    /// Compresses a step at a time, the neighbours between.
    private func compress(_ answer: inout Answer) async {
        guard case .bytes(let plain) = answer.content, let gzip = share.takeGzip() else { return }
        var packed: [UInt8] = []
        var position = 0
        repeat {
            let end = min(plain.count, position + Gzip.stepBytes)
            gzip.pack(plain[position..<end], isLast: end == plain.count, into: &packed)
            position = end
            if position < plain.count { await Task.yield() }
        } while position < plain.count
        share.giveBack(gzip)
        answer.replace(withGzip: packed)
    }

    private func send(_ answer: Answer, _ body: [UInt8]) async throws(ConnectionGone) {
        var bytes = answer.head(share.date, reserving: body.count)
        // A copy is cheaper than a second call, up to a point.
        guard body.count > 16_384 else {
            bytes += body
            return try await write(bytes)
        }
        try await write(bytes, isMore: true)
        try await write(body)
    }

    private func send(_ answer: Answer, _ part: FilePart) async throws(ConnectionGone) {
        try await write(answer.head(share.date), isMore: part.start < part.end)
        try await write(file: part.file.descriptor, from: part.start, to: part.end)
    }

    private func send(
        _ answer: Answer, _ body: @Sendable (any BodyWriter) async throws -> Void
    ) async throws {
        try await write(answer.head(share.date))
        isStreaming = true
        enter(.busy)
        defer {
            isStreaming = false
            enter(.answering)
        }
        let isChunked = if case .chunks = answer.framing { true } else { false }
        try await body(StreamWriter(connection: self, serial: serial, isChunked: isChunked))
        await takeTurn()
        defer { endTurn() }
        if isChunked { try await write(Array("0\r\n\r\n".utf8)) }
    }

    /// Writes a piece of a streamed answer.
    fileprivate func stream(_ bytes: [UInt8], of serial: Int, isChunked: Bool) async throws {
        await takeTurn()
        defer { endTurn() }
        guard serial == self.serial, isStreaming, !share.isDraining, !isGone else { throw ConnectionGone() }
        guard isChunked else { return try await write(bytes) }
        var chunk = Array((String(bytes.count, radix: 16) + "\r\n").utf8)
        chunk.reserveCapacity(chunk.count + bytes.count + 2)
        chunk += bytes
        chunk += [13, 10]
        try await write(chunk)
    }
}

/// Writes chunks, or bytes up to the end of the connection for an HTTP/1.0 client.
private struct StreamWriter: BodyWriter {
    let connection: Connection
    let serial: Int
    let isChunked: Bool

    func write(_ bytes: [UInt8]) async throws {
        // An empty chunk would be the last.
        guard !bytes.isEmpty else { return }
        try await connection.stream(bytes, of: serial, isChunked: isChunked)
    }
}
