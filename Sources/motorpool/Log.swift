internal import Glibc
internal import Jobs
internal import Platform
internal import Postgres

/// What happens, a line an event, on standard output: sentences on a terminal and JSON elsewhere, unless it is said.
///
/// Lines are written by a thread of its own, so that a reader who stalls never stalls a job; what doesn't fit into the
/// buffer is dropped and counted.
final class Log: Sendable {
    enum Level: String, Sendable {
        case info
        case warning
        case error
    }

    static let linesMax = 10_000
    static let lineBytesMax = 16 * 1024

    private struct State {
        var lines: [String] = []
        var dropped = 0
        var isClosing = false
        var hasEnded = false
    }

    private let state = Lock(State())
    private let waker: Waker
    let isText: Bool
    private let isMute: Bool

    /// - Parameters:
    ///   - isText: sentences for people, or JSON; `nil`: what the reader is decides.
    ///   - isMute: nothing is told.
    init(isText: Bool? = nil, isMute: Bool = false) throws {
        self.isText = isText ?? Console.isOutputTerminal
        self.isMute = isMute
        waker = try Waker()
        Signals.reportCrashes(asText: self.isText)
        _ = BlockingThread.start("log") { self.write() }
    }

    /// Tells one event.
    func say(_ level: Level = .info, _ event: String, _ sentence: String, _ fields: [(String, JSONText)] = [])
    {
        guard !isMute else { return }
        let line =
            isText
            ? Log.human(level, sentence) : Log.machine(level, event, sentence, fields)
        state.withLock { state in
            if state.lines.count < Log.linesMax { state.lines.append(line) } else { state.dropped += 1 }
        }
        waker.wake()
    }

    /// Returns when everything is written, or when the reader takes nothing for two seconds.
    func close() async {
        let deadline = beginClosing()
        while !state.withLock({ $0.hasEnded }), ContinuousClock.now < deadline {
            try? await Task.sleep(for: .milliseconds(2))
        }
    }

    /// The same for a thread that may block.
    func finish() {
        let deadline = beginClosing()
        while !state.withLock({ $0.hasEnded }), ContinuousClock.now < deadline { usleep(2000) }
    }

    private func beginClosing() -> ContinuousClock.Instant {
        state.withLock { $0.isClosing = true }
        waker.wake()
        return .now + .seconds(2)
    }

    private func write() {
        while true {
            waker.wait(atMost: .seconds(3600))
            let (lines, dropped, isClosing) = state.withLock { state in
                defer { (state.lines, state.dropped) = ([], 0) }
                return (state.lines, state.dropped, state.isClosing)
            }
            // A reader that has gone is no reason to stop working.
            if !lines.isEmpty { _ = Console.write(lines.joined(separator: "\n") + "\n", to: STDOUT_FILENO) }
            if dropped > 0 { say(.warning, "log", "\(dropped) lines of the log were dropped") }
            if isClosing {
                state.withLock { $0.hasEnded = true }
                return
            }
        }
    }

    private static func human(_ level: Level, _ sentence: String) -> String {
        let clock = now.dropFirst(11).prefix(8)
        let text = cut(Console.harmless(sentence), to: lineBytesMax - 64)
        switch level {
        case .info: return "\(Color.grey(String(clock))) \(text)"
        case .warning: return "\(Color.grey(String(clock))) \(Color.yellow(text))"
        case .error: return "\(Color.grey(String(clock))) \(Color.red(text))"
        }
    }

    private static func machine(
        _ level: Level, _ event: String, _ sentence: String, _ fields: [(String, JSONText)]
    ) -> String {
        func line(_ sentence: String, _ fields: [(String, JSONText)]) -> String {
            let head: [(String, JSONText)] = [
                ("time", .string(now)), ("level", .string(level.rawValue)), ("event", .string(event)),
                ("message", .string(sentence)),
            ]
            return JSONText.object(head + fields).text
        }
        let whole = line(sentence, fields)
        // Escapes are up to six times as long as what they stand for.
        return whole.utf8.count < lineBytesMax ? whole : line(cut(sentence, to: lineBytesMax / 8), [])
    }

    private static func cut(_ text: String, to bytesMax: Int) -> String {
        guard text.utf8.count > bytesMax else { return text }
        return String(decoding: text.utf8.prefix(bytesMax), as: UTF8.self) + "…"
    }

    private static var now: String {
        PostgresTimestamp(microseconds: WallClock.microseconds).iso8601
    }
}
