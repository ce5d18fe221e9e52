internal import CCurl
internal import Glibc
internal import Platform

/// One hop under way. Lives on the loop's thread only.
final class Transfer {
    /// What is kept of a body that nobody asked for: the words of a refusal.
    static let asideBytesMax = 64 << 10
    static let headBytesMax = 64 << 10
    /// From here on a body must not be `ratioMax` times as large as it came.
    static let ratioFromBytes: Int64 = 1 << 20
    private static let progressPause = Duration.milliseconds(200)

    enum Sink {
        case memory
        case file
        /// Read, kept up to `asideBytesMax`, and then done with.
        case aside
    }

    let order: TransferOrder
    let settings: WebSettings
    let easy: UnsafeMutableRawPointer
    /// What libcurl holds on to until the handle is gone.
    var lists: [UnsafeMutablePointer<curl_slist>] = []
    let errorText = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))

    private var head = AnswerHead()
    private var sink = Sink.memory
    private var body: [UInt8] = []
    private var unpacker: Unpacker?
    private var unpacked: Int64 = 0
    private var total: Int64?
    private var mustBeginAnew = false
    /// The end of our making: an error, or enough of a body that goes aside.
    private var stop: WebError?
    private var hasEnough = false
    private(set) var wasRefused: String?

    private let began = BootClock.now
    /// The last one made; closed by libcurl.
    private var descriptor: Int32 = -1
    private var asked: Duration?
    /// The last look at the speed: when, and how much had come.
    private var milestone: (at: Duration, bytes: Int64)?
    private var lastProgress: Duration?

    init(_ order: TransferOrder, _ settings: WebSettings, _ easy: UnsafeMutableRawPointer) {
        self.order = order
        self.settings = settings
        self.easy = easy
        errorText[0] = 0
    }

    deinit {
        curl_easy_cleanup(easy)
        for list in lists { curl_slist_free_all(list) }
        errorText.deallocate()
    }

    private var wireBytes: Int64 { Int64(curl_size(easy, CURLINFO_SIZE_DOWNLOAD_T)) }

    // MARK: What libcurl brings

    /// - Returns: whether to go on.
    func takeHead(_ bytes: UnsafeRawBufferPointer) -> Bool {
        // Behind the body come trailers, which nobody reads.
        if head.isWhole { return head.takesTrailer(bytes.count, max: Self.headBytesMax) || halt(tooMuchHead) }
        guard head.take(bytes, max: Self.headBytesMax) else { return halt(tooMuchHead) }
        guard head.isWhole else { return true }
        do throws(WebError) { try decide() } catch { return halt(error) }
        return true
    }

    private var tooMuchHead: WebError { .protocol("a head of more than \(Self.headBytesMax) bytes") }

    /// - Returns: whether to go on.
    func takeBody(_ bytes: UnsafeRawBufferPointer) -> Bool {
        do throws(WebError) {
            switch sink {
            case .aside:
                unpacked += Int64(bytes.count)
                body.append(contentsOf: bytes.prefix(Self.asideBytesMax - body.count))
                hasEnough = unpacked > Int64(Self.asideBytesMax)
                return !hasEnough
            case .memory:
                if let unpacker {
                    try unpacker.feed(bytes) { piece throws(WebError) in try keep(piece) }
                } else {
                    try keep(bytes)
                }
            case .file:
                guard let part = order.part else { return false }
                try checkSize(part.size + Int64(bytes.count))
                try part.append(bytes)
                tellProgress(part.size)
            }
            return true
        } catch {
            return halt(error)
        }
    }

    private func keep(_ bytes: UnsafeRawBufferPointer) throws(WebError) {
        unpacked += Int64(bytes.count)
        try checkSize(unpacked)
        body.append(contentsOf: bytes)
    }

    /// The socket for an address that libcurl is about to connect to; -1 refuses it before anything is sent.
    func socket(for address: UnsafeMutablePointer<curl_sockaddr>) -> Int32 {
        let target = withUnsafePointer(to: &address.pointee.addr) { NetworkAddress.read($0) }
        guard let target, settings.allows(target.address, port: target.port) else {
            let words = target.map { "\($0.address) port \($0.port)" } ?? "an address outside the Internet"
            wasRefused = "\(order.address.host) is at \(words)"
            return -1
        }
        descriptor = Glibc.socket(
            address.pointee.family, address.pointee.socktype | Int32(SOCK_CLOEXEC.rawValue),
            address.pointee.protocol)
        return descriptor
    }

    private func halt(_ error: WebError) -> Bool {
        if stop == nil { stop = error }
        return false
    }

    // MARK: The head

    private func decide() throws(WebError) {
        let length = Int64(curl_size(easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T))
        try checkCoding()
        guard !head.isRedirect else {
            sink = .aside
            return
        }
        if let part = order.part { return try decide(part, length) }
        guard order.method != .head else { return }
        if length > 0 { try checkSize(length) }
        body.reserveCapacity(Int(max(0, min(length, 1 << 20))))
    }

    private func decide(_ part: PartFile, _ length: Int64) throws(WebError) {
        let offset = part.validator == nil ? 0 : part.size
        switch head.status {
        case 200:
            guard head.fields.first(named: "content-encoding") == nil else {
                throw .protocol("the file came packed, which was not asked for")
            }
            total = length >= 0 ? length : nil
            if let total { try checkSize(total) }
            try part.begin(validator: head.validator)
            sink = .file
        case 206:
            guard let range = head.contentRange, range.first == offset, offset > 0,
                length < 0 || range.last - range.first + 1 == length
            else { throw .protocol("another part of the file than was asked for") }
            // What is of another version must not be put behind our beginning, whatever the host thinks of If-Range.
            if let now = head.validator, now != part.validator {
                try part.clear()
                throw .protocol("a part of another version of the file")
            }
            total = range.total
            if let total { try checkSize(total) }
            sink = .file
        case 416 where offset > 0:
            if head.unsatisfiedTotal == offset {
                total = offset
                sink = .aside
            } else {
                mustBeginAnew = true
                sink = .aside
            }
        default: sink = .aside
        }
    }

    private func checkCoding() throws(WebError) {
        let codings = head.fields.all(named: "content-encoding").flatMap {
            $0.split(separator: ",").map { $0.filter { $0 != " " && $0 != "\t" }.lowercased() }
        }
        guard codings.count <= 1 else { throw .protocol("packed more than once") }
        guard let coding = codings.first, !coding.isEmpty, coding != "identity", order.part == nil else {
            return
        }
        unpacker = order.request.acceptsCompression ? Unpacker(coding) : nil
        guard unpacker != nil else { throw .protocol("packed in a way that was not asked for") }
    }

    private func checkSize(_ size: Int64) throws(WebError) {
        guard size <= Int64(order.request.bytesMax) else {
            throw .tooLarge("more than \(order.request.bytesMax) bytes")
        }
        guard size > Self.ratioFromBytes, sink == .memory, unpacked > Self.ratioFromBytes else { return }
        // Division, as a product could overflow.
        guard unpacked / Int64(order.request.ratioMax) <= max(wireBytes, 1) else {
            throw .tooLarge("it unpacks to more than \(order.request.ratioMax) times what came")
        }
    }

    private func tellProgress(_ done: Int64) {
        guard let progress = order.progress else { return }
        let now = BootClock.now
        if let lastProgress, now - lastProgress < Self.progressPause { return }
        lastProgress = now
        progress(WebProgress(done: done, total: total))
    }

    // MARK: Time

    /// What it does now.
    private var phase: WebError.Phase {
        if head.isWhole { return .body }
        if curl_size(easy, CURLINFO_PRETRANSFER_TIME_T) > 0 { return .answer }
        // libcurl tells its time of connecting when trust has been agreed on, too.
        var peer = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let isConnected = withUnsafeMutablePointer(to: &peer) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                descriptor >= 0 && getpeername(descriptor, $0, &size) == 0
            }
        }
        if isConnected { return .tls }
        return curl_size(easy, CURLINFO_NAMELOOKUP_TIME_T) > 0 ? .connect : .dns
    }

    /// The error of a transfer that is late at `now`.
    func overdue(at now: Duration) -> WebError? {
        let phase = phase
        let request = order.request
        guard now < order.deadline else { return .timeout(phase, after: request.timeLimit) }
        switch phase {
        case .queue: return nil
        case .dns, .connect, .tls:
            return now - began < request.connectTimeLimit
                ? nil : .timeout(phase, after: request.connectTimeLimit)
        case .answer:
            let since = asked ?? now
            asked = since
            return now - since < request.answerTimeLimit
                ? nil : .timeout(phase, after: request.answerTimeLimit)
        case .body: return tooSlow(at: now)
        }
    }

    private func tooSlow(at now: Duration) -> WebError? {
        let request = order.request
        guard request.bytesPerSecondMin > 0 else { return nil }
        guard let last = milestone else {
            milestone = (now, wireBytes)
            return nil
        }
        let span = now - last.at
        guard span >= request.slowSpan else { return nil }
        let bytes = wireBytes
        let (seconds, attoseconds) = span.components
        let rate = Double(bytes - last.bytes) / (Double(seconds) + Double(attoseconds) * 1e-18)
        milestone = (now, bytes)
        return rate < Double(request.bytesPerSecondMin)
            ? .tooSlow(bytesPerSecond: request.bytesPerSecondMin) : nil
    }

    // MARK: The end

    func result(_ code: CURLcode) -> Result<Hop, WebError> {
        if let stop { return .failure(stop) }
        guard code == CURLE_OK || hasEnough else { return .failure(error(code)) }
        guard head.isWhole else { return .failure(.truncated("its head has no end")) }
        if let unpacker, !unpacker.isWhole { return .failure(.truncated("what was packed has no end")) }
        let isFile =
            sink == .file || (order.part != nil && head.status == 416 && !mustBeginAnew && total != nil)
        if isFile, let part = order.part {
            if let total, part.size != total {
                return .failure(.truncated("\(part.size) of \(total) bytes came"))
            }
            order.progress?(WebProgress(done: part.size, total: part.size))
        }
        return .success(
            Hop(
                status: head.status, headers: head.fields, body: body, wireBytes: wireBytes, isFile: isFile,
                mustBeginAnew: mustBeginAnew))
    }

    private func error(_ code: CURLcode) -> WebError {
        let told = String(cString: errorText)
        let words = told.isEmpty ? String(cString: curl_easy_strerror(code)) : told
        switch code {
        case CURLE_URL_MALFORMAT: return .badURL(words)
        case CURLE_UNSUPPORTED_PROTOCOL where phase == .dns: return .badURL(words)
        case CURLE_COULDNT_RESOLVE_HOST: return .dns(words)
        case CURLE_COULDNT_CONNECT: return wasRefused.map { .refusedAddress($0) } ?? .connect(words)
        case CURLE_OPERATION_TIMEDOUT:
            let phase = phase
            return .timeout(phase, after: order.request.connectTimeLimit)
        case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER,
            CURLE_SSL_CACERT_BADFILE, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_ENGINE_NOTFOUND,
            CURLE_SSL_ENGINE_SETFAILED, CURLE_SSL_ENGINE_INITFAILED, CURLE_SSL_CRL_BADFILE,
            CURLE_SSL_PINNEDPUBKEYNOTMATCH, CURLE_SSL_INVALIDCERTSTATUS, CURLE_SSL_CLIENTCERT:
            return .tls(words)
        case CURLE_PARTIAL_FILE, CURLE_GOT_NOTHING, CURLE_SEND_ERROR: return .truncated(words)
        case CURLE_RECV_ERROR:
            // libcurl tells a broken chunk and a hang-up by one code.
            return told.contains("chunk") ? .protocol(words) : .truncated(words)
        case CURLE_FILESIZE_EXCEEDED: return .tooLarge(words)
        default: return .protocol(words)
        }
    }
}
