internal import Glibc
internal import Platform

/// What the connections of one loop have in common.
// @unchecked: touched on the loop's thread only, `counts` and the constants apart.
final class LoopShare: @unchecked Sendable {
    static let tickMilliseconds: UInt64 = 500
    static let bufferBytes = 65_536

    let loop: EventLoop
    let settings: HTTPSettings
    let handler: @Sendable (Request) async -> Response
    let door: Door
    let counts = Lock(Counts())

    /// Where every connection reads into; what it keeps it copies.
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: bufferBytes, alignment: 16)
    private(set) var isDraining = false
    private var connections: [ObjectIdentifier: Connection] = [:]
    private var dateSecond = 0
    private var dateText = ""
    private var idleGzip: Gzip?

    init(
        _ loop: EventLoop, _ settings: HTTPSettings, _ door: Door,
        _ handler: @escaping @Sendable (Request) async -> Response
    ) {
        self.loop = loop
        self.settings = settings
        self.door = door
        self.handler = handler
    }

    deinit { buffer.deallocate() }

    func add(_ connection: Connection) {
        connections[ObjectIdentifier(connection)] = connection
        counts.withLock {
            $0.connectionsOpen += 1
            $0.connectionsAccepted += 1
        }
        guard connections.count == 1 else { return }
        loop.tick(every: Self.tickMilliseconds) { [unowned self] in
            for connection in connections.values { connection.assumeIsolated { $0.tick() } }
        }
    }

    /// Forgets a connection whose socket is closed.
    func remove(_ connection: Connection) {
        guard connections.removeValue(forKey: ObjectIdentifier(connection)) != nil else { return }
        counts.withLock { $0.connectionsOpen -= 1 }
        door.leave(connection.peer)
        if connections.isEmpty { loop.stopTicking() }
    }

    /// From now on every answer is its connection's last.
    func drain() {
        isDraining = true
        for connection in connections.values { connection.assumeIsolated { $0.drain() } }
    }

    /// Closes what is still open.
    func cutAll() {
        for connection in connections.values { connection.assumeIsolated { $0.vanish(.drained) } }
    }

    /// The present time for `Date`.
    var date: String {
        let now = time(nil)
        if now != dateSecond {
            dateSecond = now
            dateText = HTTPDate.text(now)
        }
        return dateText
    }

    /// A compressor; ``giveBack(_:)`` it for the next.
    func takeGzip() -> Gzip? {
        defer { idleGzip = nil }
        return idleGzip ?? Gzip()
    }

    func giveBack(_ gzip: Gzip) {
        gzip.reset()
        idleGzip = gzip
    }
}
