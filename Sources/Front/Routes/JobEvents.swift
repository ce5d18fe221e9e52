internal import Crypto
internal import HTTPServer
internal import Jobs
internal import Platform
internal import Store

/// One job as a stream of server-sent events (WHATWG HTML, 9.2).
struct JobEvents: Sendable {
    private let exchange: Exchange
    private let job: JobID
    /// What the other end saw last, before it lost us.
    private let lastSeen: String?
    /// Held for as long as the stream is.
    private var seat: Seat?

    private var front: Front { exchange.front }

    static func follow(_ exchange: Exchange) async throws -> Response {
        let job = try exchange.jobID()
        exchange.note(job)
        var events = JobEvents(
            exchange: exchange, job: job, lastSeen: exchange.request.headers["Last-Event-ID"])
        let seen = try await exchange.report(of: job)
        if !seen.report.isLive, events.lastSeen == JobEvents.id(of: seen) {
            // 204 is how an EventSource is told not to come back.
            return Response(204, headers: ["Cache-Control": "no-store"])
        }
        let headers: Headers = ["Content-Type": "text/event-stream", "Cache-Control": "no-store"]
        guard exchange.request.method != .head else { return Response(200, headers: headers) }
        guard let seat = Seat(exchange.front.streams, of: exchange.front.share(of: exchange.caller)) else {
            throw Problem.unavailable(
                "too_many_streams", "too many event streams are open, in all or by this caller", retryAfter: 5
            )
        }
        events.seat = seat
        return Response(
            200, headers: headers, content: .stream { [events] writer in try await events.write(to: writer) })
    }

    private func write(to writer: any BodyWriter) async throws {
        var known = try await front.store.pulses(of: [job])[job]
        guard var last = try await exchange.look(at: job) else { return }
        if JobEvents.id(of: last) == lastSeen {
            try await writer.write(Array(": nothing new\n\n".utf8))
        } else {
            try await writer.write(JobEvents.event(last.report.isLive ? "state" : "ended", last))
        }
        while last.report.isLive, !front.isDraining {
            let sight: Watcher.Sight
            // Without a pulse it has left since we looked, and only the end is to come.
            do {
                sight = try await front.watcher.watch(job, known: known, for: front.settings.heartbeat)
            } catch is Problem {
                // Too many wait: this stream ends, and the other end comes back later.
                return
            }
            switch sight {
            case .late:
                try await writer.write(Array(": still here\n\n".utf8))
                continue
            case .changed(let pulse): known = pulse
            case .left: known = nil
            }
            guard let seen = try await exchange.look(at: job) else {
                try await writer.write(Array("event: gone\ndata: {}\n\n".utf8))
                return
            }
            let report = seen.report
            let word = report.isLive ? (report.state == last.report.state ? "progress" : "state") : "ended"
            try await writer.write(JobEvents.event(word, seen))
            last = seen
        }
    }

    private static func event(_ word: String, _ seen: SeenJob) -> [UInt8] {
        // The text of JSON has no line breaks of its own, so it is one line of data.
        Array("event: \(word)\nid: \(id(of: seen))\ndata: \(seen.json.text)\n\n".utf8)
    }

    private static func id(of seen: SeenJob) -> String {
        String(Hex.text(SHA256.digest(seen.json.text)).prefix(16))
    }
}

/// A place in something that has only so many; given back when nobody holds it any more.
final class Seat: Sendable {
    private let gauge: Gauge
    private let caller: String

    /// `nil`: all places are taken, or all of this caller's.
    init?(_ gauge: Gauge, of caller: String) {
        guard gauge.enter(caller) else { return nil }
        self.gauge = gauge
        self.caller = caller
    }

    deinit { gauge.leave(caller) }
}
