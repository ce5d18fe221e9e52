internal import Glibc
internal import Platform

/// Sockets that hold a server up: a byte of a head each second, a byte of a body each second, or nothing at all. One that
/// is closed comes again, so that there are always as many.
struct Drips: Sendable {
    struct Outcome: Sendable {
        /// How long the most patient connection lasted, from its first moment.
        var longest = Duration.zero
        /// Connections that the server ended.
        var closed = 0
        /// Those that were open when the time was up.
        var open = 0
    }

    let port: Int
    let count: Int
    /// The head of a question whose body drips behind it; the server must want the body.
    let body: [UInt8]
    var countPerAddress = 40
    let span: Duration

    func run() async throws -> Outcome { try await blocking("drips") { try Round(self).run() } }

    private enum Manner: Int, CaseIterable {
        case head
        case body
        case silence
    }

    private final class Round {
        private struct Drip {
            var descriptor: Int32
            var began: Duration
            var next: Duration
            let manner: Manner
            let source: Int
            var sent = 0
        }

        private static let pause = Duration.seconds(1)
        private static let head = Array("GET /jobs/1 HTTP/1.1\r\nHost: localhost\r\nX-Slow: ".utf8)

        private let plan: Drips
        private var drips: [Drip] = []
        private var outcome = Outcome()

        init(_ plan: Drips) throws {
            self.plan = plan
            LoopbackSocket.allowDescriptors(UInt(plan.count + 2048))
            for index in 0..<plan.count {
                drips.append(
                    try start(Manner.allCases[index % 3], source: 100 + index / plan.countPerAddress))
            }
        }

        deinit { for drip in drips { close(drip.descriptor) } }

        private func start(_ manner: Manner, source: Int) throws -> Drip {
            let descriptor = try LoopbackSocket.connect(to: plan.port, from: source)
            let now = BootClock.now
            return Drip(descriptor: descriptor, began: now, next: now, manner: manner, source: source)
        }

        func run() throws -> Outcome {
            let end = BootClock.now + plan.span
            while BootClock.now < end {
                var watched = drips.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
                poll(&watched, nfds_t(watched.count), 50)
                let now = BootClock.now
                for index in drips.indices {
                    if watched[index].revents != 0, hasEnded(drips[index].descriptor) {
                        try replace(index, at: now)
                    } else if drips[index].next <= now {
                        drip(index, at: now)
                    }
                }
            }
            // Those of the last moments are waited for, without new ones.
            outcome.open = drips.count
            for drip in drips { outcome.longest = max(outcome.longest, BootClock.now - drip.began) }
            return outcome
        }

        private func replace(_ index: Int, at now: Duration) throws {
            outcome.closed += 1
            outcome.longest = max(outcome.longest, now - drips[index].began)
            close(drips[index].descriptor)
            drips[index] = try start(drips[index].manner, source: drips[index].source)
        }

        private func drip(_ index: Int, at now: Duration) {
            drips[index].next = now + Self.pause
            let beginning: [UInt8]
            switch drips[index].manner {
            case .head: beginning = Self.head
            case .body: beginning = plan.body
            case .silence: return
            }
            // The body's head comes at once; what follows drips.
            let isFirst = drips[index].sent == 0
            let bytes: [UInt8] =
                isFirst && drips[index].manner == .body ? beginning : [next(index, beginning)]
            let count = bytes.withUnsafeBytes {
                Glibc.send(drips[index].descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count > 0 { drips[index].sent += count }
        }

        private func next(_ index: Int, _ beginning: [UInt8]) -> UInt8 {
            let sent = drips[index].sent
            return sent < beginning.count ? beginning[sent] : UInt8(ascii: "x")
        }

        /// Reads an answer away; true at its end.
        private func hasEnded(_ descriptor: Int32) -> Bool {
            var bytes = [UInt8](repeating: 0, count: 4096)
            while true {
                let count = recv(descriptor, &bytes, bytes.count, 0)
                if count == 0 { return true }
                if count < 0 { return errno != EAGAIN }
            }
        }
    }
}
