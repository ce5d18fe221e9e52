internal import Glibc
internal import Platform

/// One connection: reads a request, has it answered, and so on until an end.
///
/// Isolated to its loop's thread. One task goes through the requests in order; the loop's callbacks read what comes and
/// wake it. Nothing is parsed beyond the request being answered, so a client that sends on fills a small buffer and then
/// the kernel's, and no more.
actor Connection {
    enum Phase {
        /// Connected, and nothing asked yet.
        case fresh
        /// Between two requests.
        case idle
        case readingHead
        /// With the handler, or with a stream that has nothing to say.
        case busy
        case readingBody
        case answering
        /// Waiting for the other end to take something.
        case sending
        /// All is said; what the other end still sends is thrown away, so that it can read our last words.
        case lingering
    }

    nonisolated let share: LoopShare
    nonisolated let peer: PeerAddress
    nonisolated var unownedExecutor: UnownedSerialExecutor { share.loop.asUnownedSerialExecutor() }

    /// −1 once closed.
    private(set) var descriptor: Int32
    let parser: RequestParser
    private var poller: Poller?
    private var task: Task<Void, Never>?

    /// Bytes of later requests, from `inboxStart` on.
    private var inbox: [UInt8] = []
    private var inboxStart = 0
    /// Whether the other end will send no more, and since when.
    private(set) var isAtEnd = false
    private var hungUpAt: UInt64?

    private(set) var phase = Phase.fresh
    /// When the phase is over, on the loop's clock.
    private var deadline: UInt64 = .max
    private var reader: CheckedContinuation<Void, Never>?
    private var writer: CheckedContinuation<Void, Never>?

    /// The number of the request that is being answered.
    var serial = 0
    var isBodyAsked = false
    var isBodySlow = false
    /// Whether the handler has returned: its body can no longer be read.
    var isAnswered = true
    var isStreaming = false
    var isWriting = false
    var turns: [CheckedContinuation<Void, Never>] = []
    private var requestsInARow = 0

    init(_ descriptor: Int32, _ peer: PeerAddress, _ share: LoopShare) {
        self.descriptor = descriptor
        self.peer = peer
        self.share = share
        parser = RequestParser(share.settings)
    }

    var settings: HTTPSettings { share.settings }

    /// Whether the socket is closed.
    var isGone: Bool { descriptor < 0 }

    /// Begins to serve; called once.
    func start() {
        share.loop.tasks += 1
        share.add(self)
        poller = share.loop.poller(descriptor) { [unowned self] in told($0, $1) }
        if poller == nil { vanish(.peerGone) }
        task = Task(executorPreference: share.loop) { await self.run() }
    }

    private func run() async {
        while let head = await nextHead() {
            serial += 1
            isAnswered = false
            isBodyAsked = false
            share.counts.withLock { $0.requests += 1 }
            let response = await share.handler(request(head))
            guard await answer(response, to: head) else { break }
        }
        vanish(nil)
        share.loop.tasks -= 1
    }

    private func nextHead() async -> RequestHead? {
        parser.next()
        enter(serial == 0 ? .fresh : .idle, for: serial == 0 ? settings.headSeconds : settings.idleSeconds)
        feedInbox()
        watch()
        while !isGone {
            if let head = parser.takeHead() {
                enter(.busy)
                await breathe()
                return isGone ? nil : head
            }
            if let refusal = parser.refusal {
                await refuse(refusal)
                return nil
            }
            // Half a request is nobody's question.
            if isAtEnd || parser.isPastEnd || (share.isDraining && !parser.hasBegun) { return nil }
            requestsInARow = 0
            await something()
        }
        return nil
    }

    /// Lets the neighbours have their turn when many requests came in one piece.
    private func breathe() async {
        requestsInARow += 1
        guard requestsInARow >= 16 else { return }
        requestsInARow = 0
        await Task.yield()
    }

    private func request(_ head: RequestHead) -> Request {
        let serial = serial
        return Request(
            method: head.method, path: head.path, query: head.query, headers: head.headers, peer: peer.text,
            peerUser: peer.user,
            contentLength: head.contentLength
        ) { [self] (limit) async throws(BodyError) in
            try await body(of: serial, head, upTo: limit)
        }
    }

    // MARK: Ends

    /// Closes the socket at once and wakes whoever waits for it; a second time does nothing.
    ///
    /// - Parameter cut: why, when it was not the end of everything that was asked.
    func vanish(_ cut: Cut?) {
        guard descriptor >= 0 else { return }
        if let cut { count(cut) }
        poller?.close()
        poller = nil
        close(descriptor)
        descriptor = -1
        share.remove(self)
        task?.cancel()
        wakeReader()
        writer?.resume()
        writer = nil
        for turn in turns { turn.resume() }
        turns = []
    }

    func count(_ cut: Cut) { share.counts.withLock { $0.cuts[cut, default: 0] += 1 } }

    /// Says that nothing more is to come, and waits a moment for the other end to hear it: closing on unread bytes would
    /// make the kernel take back what was said.
    func linger() async {
        guard !isGone, !isAtEnd else { return }
        shutdown(descriptor, Int32(SHUT_WR))
        inbox = []
        inboxStart = 0
        enter(.lingering, for: 1)
        watch()
        while !isGone, !isAtEnd { await something() }
    }

    /// Ends what waits for nothing but another request, and tells a stream to end.
    func drain() {
        if isStreaming { task?.cancel() }
        wakeReader()
    }

    // MARK: Time

    /// Begins a phase that may take so many seconds.
    func enter(_ phase: Phase, for seconds: Int? = nil) {
        self.phase = phase
        deadline = seconds.map { share.loop.now + UInt64(max(0, $0)) * 1000 } ?? .max
    }

    /// Looks at the clock, twice a second.
    func tick() {
        let now = share.loop.now
        if let hungUpAt, phase == .busy, now >= hungUpAt + UInt64(settings.closedGraceSeconds) * 1000 {
            return vanish(.peerGone)
        }
        guard now >= deadline else { return }
        switch phase {
        case .fresh, .idle: vanish(.idle)
        case .readingHead:
            parser.refuse(.headTooSlow)
            wakeReader()
        case .readingBody:
            // What has come has earned its time.
            let earned = UInt64(parser.bodyReceived / max(1, settings.bodyRateMin)) * 1000
            guard now >= deadline + earned, !isBodySlow else { return }
            isBodySlow = true
            count(.bodyTooSlow)
            wakeReader()
        case .sending: vanish(.readerTooSlow)
        case .lingering: vanish(nil)
        case .busy, .answering: break
        }
    }

    // MARK: Reading

    /// Suspends until something has happened: bytes came, an end, a deadline.
    func something() async {
        await withCheckedContinuation {
            wakeReader()
            reader = $0
        }
    }

    /// Suspends until the kernel takes bytes again, or the connection is gone.
    func writable() async {
        let phase = phase
        enter(.sending, for: settings.writeStallSeconds)
        await withCheckedContinuation {
            writer = $0
            watch()
        }
        enter(phase)
    }

    private func told(_ status: Int32, _ events: Int32) {
        guard status == 0 else { return vanish(phase == .idle ? nil : .peerGone) }
        if events & Poller.readable != 0 { read() }
        if events & Poller.disconnect != 0 { hangUp() }
        if events & Poller.writable != 0 {
            writer?.resume()
            writer = nil
        }
        watch()
    }

    /// Watches for what can be dealt with now.
    func watch() {
        var events: Int32 = writer == nil ? 0 : Poller.writable
        if !isAtEnd, !isFull {
            events |= Poller.readable
        } else if hungUpAt == nil {
            events |= Poller.disconnect
        }
        poller?.watch(events)
    }

    private var isFull: Bool {
        if phase == .lingering { return false }
        return inbox.count - inboxStart >= settings.pipelinedBytesMax
            || parser.body.count >= LoopShare.bufferBytes || parser.refusal != nil
    }

    private func read() {
        let buffer = share.buffer
        let count = recv(descriptor, buffer.baseAddress, buffer.count, 0)
        if count > 0 {
            if phase != .lingering { take(UnsafeRawBufferPointer(rebasing: buffer[..<count])) }
        } else if count == 0 {
            isAtEnd = true
            hangUp()
            wakeReader()
        } else if errno != EAGAIN, errno != EINTR {
            vanish(phase == .idle ? nil : .peerGone)
        }
    }

    private func hangUp() {
        if hungUpAt == nil { hungUpAt = share.loop.now }
    }

    private func take(_ bytes: UnsafeRawBufferPointer) {
        let taken = inbox.isEmpty ? feed(bytes) : 0
        if taken < bytes.count, !parser.isPastEnd { inbox.append(contentsOf: bytes[taken...]) }
    }

    private func feed(_ bytes: UnsafeRawBufferPointer) -> Int {
        let taken = parser.feed(bytes)
        if phase == .fresh || phase == .idle, parser.hasBegun {
            enter(.readingHead, for: settings.headSeconds)
        }
        wakeReader()
        return taken
    }

    func wakeReader() {
        reader?.resume()
        reader = nil
    }

    /// Gives the parser what was kept for it.
    private func feedInbox() {
        guard !inbox.isEmpty, parser.isHungry else { return }
        let kept = inbox
        inboxStart += kept.withUnsafeBytes { feed(UnsafeRawBufferPointer(rebasing: $0[inboxStart...])) }
        if inboxStart == inbox.count {
            inbox = []
            inboxStart = 0
        }
    }

    /// Whether bytes came that belong to no request that was answered.
    var hasUnread: Bool { !inbox.isEmpty || !parser.isComplete }
}
