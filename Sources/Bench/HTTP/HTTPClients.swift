internal import Glibc
internal import Platform

/// Many clients that keep their connection and ask again as soon as they are answered, on one thread.
struct HTTPClients: Sendable {
    /// What they did.
    struct Outcome: Sendable {
        /// Milliseconds from a question's first byte to its answer's last, sorted.
        var waits: [Double] = []
        var seconds = 0.0
        var statuses: [Int: Int] = [:]
        /// Connections that broke, or answers that could not be read.
        var failures = 0

        /// The answers of 2xx and 3xx.
        var good: Int { statuses.filter { (200..<400).contains($0.key) }.values.reduce(0, +) }
    }

    let port: Int
    let count: Int
    /// Clients that come from one address.
    var countPerAddress = 50
    /// Questions by turns, whole.
    let questions: [[UInt8]]
    let span: Duration
    /// Between an answer and the client's next question.
    var pause = Duration.zero

    func run() async throws -> Outcome {
        try await blocking("http clients") { try Round(self).run() }
    }

    private final class Round {
        private struct Client {
            var descriptor: Int32 = -1
            /// Of its question, how much was sent.
            var sent = 0
            var question: [UInt8] = []
            var received: [UInt8] = []
            var began = 0.0
            /// When it asks again.
            var due = 0.0
            var isAsking = false
        }

        private let plan: HTTPClients
        private var clients: [Client] = []
        private var watched: [pollfd] = []
        private var turn = 0
        private var outcome = Outcome()
        private var buffer = [UInt8](repeating: 0, count: 65_536)

        init(_ plan: HTTPClients) throws {
            self.plan = plan
            LoopbackSocket.allowDescriptors(UInt(plan.count + 256))
            clients = try (0..<plan.count).map { index in
                var client = Client()
                client.descriptor = try LoopbackSocket.connect(
                    to: plan.port, from: index / plan.countPerAddress)
                return client
            }
            watched = clients.map { pollfd(fd: $0.descriptor, events: Int16(POLLOUT), revents: 0) }
        }

        deinit { for client in clients where client.descriptor >= 0 { close(client.descriptor) } }

        private var now: Double { BootClock.now.inSecondsExact }

        func run() -> Outcome {
            let start = now
            let end = start + plan.span.inSecondsExact
            // Nobody begins in step with his neighbours.
            let pause = plan.pause.inSecondsExact
            for index in clients.indices {
                clients[index].due = start + pause * Double(index) / Double(max(clients.count, 1))
            }
            while now < end, clients.contains(where: { $0.descriptor >= 0 }) {
                let wait: Int32 = plan.pause > .zero ? 1 : 100
                guard poll(&watched, nfds_t(watched.count), wait) >= 0 else { continue }
                let time = now
                for index in watched.indices where watched[index].fd >= 0 {
                    if watched[index].revents != 0 { move(index, at: time) }
                    if !clients[index].isAsking, clients[index].due <= time { ask(index) }
                }
            }
            outcome.seconds = now - start
            outcome.waits.sort()
            return outcome
        }

        private func ask(_ index: Int) {
            clients[index].question = plan.questions[turn % plan.questions.count]
            turn += 1
            clients[index].sent = 0
            clients[index].isAsking = true
            clients[index].began = now
            send(index)
        }

        private func move(_ index: Int, at time: Double) {
            let seen = Int32(watched[index].revents)
            guard clients[index].isAsking else {
                // Connected, and to ask later; or hung up on while it was silent.
                watched[index].events = 0
                if seen & (POLLERR | POLLHUP) != 0 { fail(index) }
                return
            }
            if seen & POLLOUT != 0 { send(index) }
            if seen & (POLLIN | POLLERR | POLLHUP) != 0 { receive(index) }
        }

        private func send(_ index: Int) {
            while clients[index].sent < clients[index].question.count {
                let sent = clients[index].sent
                let count = clients[index].question[sent...].withUnsafeBytes {
                    Glibc.send(clients[index].descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                guard count > 0 else {
                    if errno == EAGAIN || errno == ENOTCONN {
                        watched[index].events = Int16(POLLOUT)
                    } else {
                        fail(index)
                    }
                    return
                }
                clients[index].sent += count
            }
            watched[index].events = Int16(POLLIN)
        }

        private func receive(_ index: Int) {
            let count = recv(clients[index].descriptor, &buffer, buffer.count, 0)
            guard count > 0 else {
                if count < 0, errno == EAGAIN { return }
                return fail(index)
            }
            clients[index].received += buffer[..<count]
            guard let answer = HTTPAnswerHead(clients[index].received) else { return }
            guard clients[index].received.count >= answer.length else { return }
            let time = now
            outcome.statuses[answer.status, default: 0] += 1
            outcome.waits.append((time - clients[index].began) * 1000)
            clients[index].received.removeAll(keepingCapacity: true)
            clients[index].isAsking = false
            if answer.isLast { return fail(index, isFailure: false) }
            clients[index].due = time + plan.pause.inSecondsExact
            if plan.pause == .zero { ask(index) }
        }

        /// Connects anew in the place of a connection that is over.
        private func fail(_ index: Int, isFailure: Bool = true) {
            if isFailure { outcome.failures += 1 }
            close(clients[index].descriptor)
            clients[index] = Client()
            let fresh = try? LoopbackSocket.connect(to: plan.port, from: index / plan.countPerAddress)
            clients[index].descriptor = fresh ?? -1
            clients[index].due = now + 0.01
            watched[index] = pollfd(fd: fresh ?? -1, events: 0, revents: 0)
        }
    }
}
