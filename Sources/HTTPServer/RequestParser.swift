internal import CHTTP

/// Takes bytes as they come and makes heads and bodies of them, one message at a time.
///
/// After a message it stops; ``next()`` goes on, so that nothing is parsed that nobody has asked for. What was taken whole
/// and what was taken byte by byte gives the same. Of one connection only.
package final class RequestParser {
    private let parser: UnsafeMutablePointer<llhttp_t>
    private let settings: HTTPSettings
    private var scan: HeadScan

    private var target: [UInt8] = []
    /// The names and values of the fields, one after another.
    private var text: [UInt8] = []
    private var fields: [(start: Int, nameEnd: Int)] = []
    private var isInName = false
    private var bodyCount = 0
    private var taken = 0
    /// The last four bytes.
    private var tail: UInt32 = 0
    private var isChunked = false

    /// The head, from its end until it is taken.
    package private(set) var head: RequestHead?
    /// What has come of the body and was not taken.
    package private(set) var body: [UInt8] = []
    /// Whether the head was read to its end.
    package private(set) var isHeadComplete = false
    /// Whether the message was read to its end; then nothing more is fed.
    package private(set) var isComplete = false
    /// Why nothing more can be read, once so.
    package private(set) var refusal: Refusal?
    /// Whether the other end had said that it would send no other request, and sent something.
    package private(set) var isPastEnd = false

    package init(_ settings: HTTPSettings) {
        self.settings = settings
        scan = HeadScan(settings)
        parser = .allocate(capacity: 1)
        llhttp_init(parser, HTTP_REQUEST, callbacks.pointer)
        parser.pointee.data = Unmanaged.passUnretained(self).toOpaque()
    }

    deinit { parser.deallocate() }

    /// Whether a byte of the message was seen.
    package var hasBegun: Bool { scan.hasBegun }

    /// Whether bytes may be fed.
    package var isHungry: Bool { !isComplete && refusal == nil && !isPastEnd }

    /// All of the body that has come, counted from its beginning.
    package var bodyReceived: Int { bodyCount }

    /// Gives the head away, once.
    package func takeHead() -> RequestHead? {
        defer { head = nil }
        return head
    }

    /// Gives away what has come of the body.
    package func takeBody() -> [UInt8] {
        defer { body = [] }
        return body
    }

    /// Goes on to the next message.
    package func next() {
        guard isComplete else { return }
        scan = HeadScan(settings)
        head = nil
        body = []
        bodyCount = 0
        taken = 0
        isHeadComplete = false
        isComplete = false
        llhttp_resume(parser)
    }

    /// Gives up reading, for a reason from outside.
    package func refuse(_ refusal: Refusal) { if self.refusal == nil { self.refusal = refusal } }

    /// Takes bytes until the message ends or something is wrong; returns how many were taken.
    package func feed(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard isHungry else { return 0 }
        let problem = scan.isDone ? nil : scan.take(bytes)
        let taken = execute(UnsafeRawBufferPointer(rebasing: bytes[..<(problem?.fine ?? bytes.count)]))
        if let problem, refusal == nil, !isComplete { refusal = problem.refusal }
        return taken
    }

    private func execute(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard let start = bytes.baseAddress?.assumingMemoryBound(to: CChar.self), !bytes.isEmpty else {
            return 0
        }
        let code = llhttp_execute(parser, start, bytes.count)
        var count = bytes.count
        if code != HPE_OK, let position = llhttp_get_error_pos(parser) {
            count = UnsafePointer(start).distance(to: position)
        }
        taken += count
        for byte in bytes[max(0, count - 4)..<count] { tail = tail << 8 | UInt32(byte) }
        if isHeadComplete { checkFraming() }
        switch code {
        case HPE_OK: break
        case HPE_PAUSED where isComplete: break
        case HPE_CLOSED_CONNECTION: isPastEnd = true
        default: refuse(Self.refusal(for: code))
        }
        return count
    }

    /// Chunk sizes, their extensions and trailers are read and thrown away; somebody who sends little else is stopped.
    private func checkFraming() {
        let framing = taken - scan.headBytes - bodyCount
        if framing > settings.headBytesMax, framing / 8 > bodyCount {
            refuse(.badRequest("a body in chunks was expected, with less around them"))
        }
        // The parser would take an LF alone for the last empty line.
        if isComplete, isChunked, tail != 0x0d0a_0d0a {
            refuse(.badRequest("lines that end with CR and LF were expected"))
        }
    }

    private static func refusal(for code: llhttp_errno_t) -> Refusal {
        switch code {
        case HPE_INVALID_METHOD: .badRequest("a method in capital letters was expected")
        case HPE_INVALID_VERSION, HPE_INVALID_CONSTANT, HPE_PAUSED_H2_UPGRADE:
            .badRequest("HTTP/1.1 or HTTP/1.0 was expected")
        case HPE_INVALID_URL: .badRequest("a percent-encoded path was expected as the target")
        case HPE_INVALID_CONTENT_LENGTH: .badRequest("one decimal number was expected as the content length")
        case HPE_UNEXPECTED_CONTENT_LENGTH: .badRequest("one length of the body was expected, not two")
        case HPE_INVALID_TRANSFER_ENCODING:
            .badRequest("no transfer coding but a single chunked is understood")
        case HPE_INVALID_CHUNK_SIZE: .badRequest("a chunk's size in hexadecimal digits was expected")
        case HPE_INVALID_HEADER_TOKEN: .badRequest("a field of name, colon and printable value was expected")
        default: .badRequest("a request as in RFC 9112 was expected")
        }
    }

    // MARK: What the parser tells

    fileprivate func takeTarget(_ bytes: UnsafeBufferPointer<UInt8>) -> Int32 {
        target.append(contentsOf: bytes)
        guard target.count <= settings.targetBytesMax else {
            refuse(.targetTooLong(settings.targetBytesMax))
            return -1
        }
        return 0
    }

    fileprivate func takeName(_ bytes: UnsafeBufferPointer<UInt8>) -> Int32 {
        // Trailers: their bytes are counted, and that is all.
        guard !isHeadComplete else { return 0 }
        if !isInName {
            guard fields.count < settings.fieldsMax else {
                refuse(.tooManyFields(settings.fieldsMax))
                return -1
            }
            isInName = true
            fields.append((text.count, 0))
        }
        text.append(contentsOf: bytes)
        return 0
    }

    fileprivate func endName() -> Int32 {
        guard !isHeadComplete else { return 0 }
        isInName = false
        if !fields.isEmpty { fields[fields.count - 1].nameEnd = text.count }
        return 0
    }

    fileprivate func takeValue(_ bytes: UnsafeBufferPointer<UInt8>) -> Int32 {
        if !isHeadComplete { text.append(contentsOf: bytes) }
        return 0
    }

    fileprivate func endHead() -> Int32 {
        // An upgrade that we do not take part in is not to stop the parser; the request stays a plain one.
        parser.pointee.upgrade = 0
        do throws(Refusal) {
            let code = Int32(parser.pointee.method)
            if code == Int32(HTTP_TRACE.rawValue) || code == Int32(HTTP_CONNECT.rawValue) {
                throw .forbiddenMethod
            }
            head = try RequestHead(
                method: Self.method(code), target: String(decoding: target, as: UTF8.self),
                headers: headers(), isModern: parser.pointee.http_minor == 1,
                isKeptAlive: llhttp_should_keep_alive(parser) == 1)
        } catch {
            refuse(error)
            return -1
        }
        isChunked = head?.contentLength == nil
        target.removeAll(keepingCapacity: true)
        text.removeAll(keepingCapacity: true)
        fields.removeAll(keepingCapacity: true)
        isHeadComplete = true
        return 0
    }

    fileprivate func takeBody(_ bytes: UnsafeBufferPointer<UInt8>) -> Int32 {
        bodyCount += bytes.count
        body.append(contentsOf: bytes)
        return 0
    }

    fileprivate func endMessage() -> Int32 {
        isComplete = true
        return Int32(HPE_PAUSED.rawValue)
    }

    private func headers() -> Headers {
        var headers = Headers()
        headers.reserveCapacity(fields.count)
        for (index, field) in fields.enumerated() {
            let end = index + 1 < fields.count ? fields[index + 1].start : text.count
            headers.append(
                name: String(decoding: text[field.start..<field.nameEnd], as: UTF8.self),
                value: Self.value(text[field.nameEnd..<end]))
        }
        return headers
    }

    /// Trimmed; bytes that are no UTF-8 are read as Latin-1, so that none is lost.
    private static func value(_ bytes: ArraySlice<UInt8>) -> String {
        var bytes = bytes
        while let last = bytes.last, last == 32 || last == 9 { bytes.removeLast() }
        while let first = bytes.first, first == 32 || first == 9 { bytes.removeFirst() }
        if let text = String(validating: bytes, as: UTF8.self) { return text }
        return String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
    }

    private static func method(_ code: Int32) -> Method? {
        switch code {
        case Int32(HTTP_GET.rawValue): .get
        case Int32(HTTP_HEAD.rawValue): .head
        case Int32(HTTP_POST.rawValue): .post
        case Int32(HTTP_PUT.rawValue): .put
        case Int32(HTTP_PATCH.rawValue): .patch
        case Int32(HTTP_DELETE.rawValue): .delete
        case Int32(HTTP_OPTIONS.rawValue): .options
        default: nil
        }
    }
}

/// The parser's table of callbacks, the same for all.
// @unchecked: written once, before anybody reads it.
private struct Callbacks: @unchecked Sendable {
    let pointer: UnsafeMutablePointer<llhttp_settings_t>

    package init() {
        pointer = .allocate(capacity: 1)
        llhttp_settings_init(pointer)
        pointer.pointee.on_url = { parser, at, length in owner(parser).takeTarget(span(at, length)) }
        pointer.pointee.on_header_field = { parser, at, length in owner(parser).takeName(span(at, length)) }
        pointer.pointee.on_header_field_complete = { parser in owner(parser).endName() }
        pointer.pointee.on_header_value = { parser, at, length in owner(parser).takeValue(span(at, length)) }
        pointer.pointee.on_headers_complete = { parser in owner(parser).endHead() }
        pointer.pointee.on_body = { parser, at, length in owner(parser).takeBody(span(at, length)) }
        pointer.pointee.on_message_complete = { parser in owner(parser).endMessage() }
    }
}

private let callbacks = Callbacks()

private func owner(_ parser: UnsafeMutablePointer<llhttp_t>?) -> RequestParser {
    guard let data = parser?.pointee.data else { preconditionFailure("a parser without its owner") }
    return Unmanaged<RequestParser>.fromOpaque(data).takeUnretainedValue()
}

private func span(_ at: UnsafePointer<CChar>?, _ length: Int) -> UnsafeBufferPointer<UInt8> {
    UnsafeRawBufferPointer(start: at, count: length).assumingMemoryBound(to: UInt8.self)
}
