/// A handler's response as it will be sent to this request.
struct Answer {
    enum Content {
        case none
        case bytes([UInt8])
        case file(FilePart)
        case stream(@Sendable (any BodyWriter) async throws -> Void)
    }

    private(set) var status: Int
    private(set) var headers: Headers
    private(set) var content = Content.none
    private(set) var framing = ResponseHead.Framing.none
    var ending: ResponseHead.Ending
    /// Whether the content gains by compression and the client can read it.
    private(set) var isToCompress = false
    private let isHead: Bool

    init(_ response: Response, to head: RequestHead, gzipFrom: Int) {
        // A final answer below 200 would leave every client waiting for the real one.
        status = 200...599 ~= response.status ? response.status : 500
        headers = response.headers
        isHead = head.method == .head
        ending = head.isKeptAlive ? (head.isModern ? .kept : .keptAsAsked) : .closed
        switch response.content {
        case .none: set([])
        case .bytes(let bytes): set(bytes)
        case .file(let file): open(file, head)
        case .stream(let body):
            content = .stream(body)
            framing = head.isModern ? .chunks : .close
            if !head.isModern { ending = .closed }
        }
        if status == 204 || status == 304 {
            content = .none
            framing = .none
        }
        answerKnown(head)
        weighCompression(head, gzipFrom)
    }

    /// What is really sent after the head.
    var sent: Content { isHead ? .none : content }

    /// The head in bytes.
    func head(_ date: String, reserving count: Int = 0) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(384 + min(count, 16_384))
        ResponseHead.write(status, headers, framing, ending, date: date, to: &bytes)
        return bytes
    }

    /// Puts the packed form in the place of the plain one.
    mutating func replace(withGzip bytes: [UInt8]) {
        set(bytes)
        headers["Content-Encoding"] = "gzip"
        // Another form of the same: only a weak validator may be shared.
        if let etag = headers["ETag"], !etag.hasPrefix("W/") { headers["ETag"] = "W/" + etag }
    }

    private mutating func set(_ bytes: [UInt8]) {
        content = .bytes(bytes)
        framing = .length(bytes.count)
    }

    // MARK: What the client has already

    private mutating func answerKnown(_ head: RequestHead) {
        guard status == 200, head.method == .get || head.method == .head, let etag = headers["ETag"] else {
            return
        }
        guard case .bytes = content, Preconditions(etag: etag).judge(head.headers) == .notModified else {
            return
        }
        becomeNotModified()
    }

    private mutating func becomeNotModified() {
        status = 304
        dropContentFields()
        content = .none
        framing = .none
    }

    private mutating func dropContentFields() {
        for name in [
            "Content-Type", "Content-Disposition", "Content-Encoding", "Content-Language", "Content-Range",
        ] {
            headers[name] = nil
        }
    }

    private mutating func become(_ refusal: Refusal) {
        status = refusal.status
        dropContentFields()
        for name in ["ETag", "Last-Modified", "Cache-Control", "Expires"] { headers[name] = nil }
        let response = refusal.response
        for field in response.headers.fields { headers[field.name] = field.value }
        if case .bytes(let bytes) = response.content { set(bytes) }
    }

    // MARK: Files

    private mutating func open(_ wanted: FileContent, _ head: RequestHead) {
        guard let file = OpenFile(wanted.path) else { return become(.noFile) }
        var part = FilePart(file: file, start: 0, end: file.size)
        let modified = Int(file.changedAt / 1_000_000_000)
        let etag = wanted.etag ?? "\"\(String(file.size, radix: 16))-\(String(file.changedAt, radix: 16))\""
        headers["ETag"] = etag
        headers["Last-Modified"] = HTTPDate.text(modified)
        headers["Accept-Ranges"] = "bytes"
        if status == 200, head.method == .get || head.method == .head {
            let conditions = Preconditions(etag: etag, modified: modified)
            switch conditions.judge(head.headers) {
            case .notModified: return becomeNotModified()
            case .failed: return become(.conditionFailed)
            case .proceed: break
            }
            let isRanged = head.method == .get && conditions.allowsRange(head.headers)
            switch RangeHeader(isRanged ? head.headers["Range"] : nil, size: file.size) {
            case .whole: break
            case .unsatisfiable:
                become(.outOfRange)
                headers["Content-Range"] = "bytes */\(file.size)"
                return
            case .part(let start, let end):
                status = 206
                part = FilePart(file: file, start: start, end: end)
                headers["Content-Range"] = "bytes \(start)-\(end - 1)/\(file.size)"
            }
        }
        content = .file(part)
        framing = .length(Int(part.end - part.start))
    }

    // MARK: Compression

    private mutating func weighCompression(_ head: RequestHead, _ gzipFrom: Int) {
        guard case .bytes(let bytes) = content, bytes.count >= gzipFrom, status != 206,
            headers["Content-Encoding"] == nil, Self.isText(headers["Content-Type"]),
            headers["Cache-Control"]?.contains("no-transform") != true
        else { return }
        let vary = headers["Vary"]
        if vary?.lowercased().contains("accept-encoding") != true {
            headers["Vary"] = vary.map { $0 + ", Accept-Encoding" } ?? "Accept-Encoding"
        }
        isToCompress = AcceptEncoding.allowsGzip(head.headers.all("Accept-Encoding"))
    }

    private static func isText(_ type: String?) -> Bool {
        guard let type = type?.lowercased().prefix(while: { $0 != ";" && $0 != " " }) else { return false }
        return type.hasPrefix("text/") || type.hasSuffix("json") || type.hasSuffix("xml")
            || type == "application/javascript"
    }
}
