extension Connection {
    /// The body of a request, whole.
    ///
    /// - Parameter serial: of the request; what comes after its answer gets nothing.
    func body(of serial: Int, _ head: RequestHead, upTo limit: Int) async throws(BodyError) -> [UInt8] {
        guard serial == self.serial, !isAnswered else { throw .cutOff }
        guard !isBodyAsked else { return [] }
        isBodyAsked = true
        if let length = head.contentLength, length > limit { throw .tooLarge(limit: limit) }
        if head.expectsContinue, !parser.isComplete, parser.bodyReceived == 0 {
            do { try await write(Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)) } catch { throw .cutOff }
        }
        enter(.readingBody, for: settings.bodyGraceSeconds)
        defer { if phase == .readingBody { enter(.busy) } }
        var bytes = parser.takeBody()
        while true {
            guard bytes.count <= limit else { throw .tooLarge(limit: limit) }
            guard !isGone, !isAnswered, serial == self.serial, parser.refusal == nil else { throw .cutOff }
            if parser.isComplete { return bytes }
            guard !isAtEnd else { throw .cutOff }
            guard !isBodySlow else { throw .tooSlow }
            watch()
            await something()
            let more = parser.takeBody()
            if bytes.isEmpty { bytes = more } else { bytes += more }
        }
    }
}
