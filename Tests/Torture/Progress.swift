import Glibc

/// A line now and then on standard error, so that people know that it goes on.
struct Progress: Sendable {
    let words: @Sendable () -> String

    init(_ words: @escaping @Sendable () -> String) { self.words = words }

    func run() async {
        let isTerminal = isatty(2) == 1
        while !Task.isCancelled {
            try? await Task.sleep(for: isTerminal ? .seconds(1) : .seconds(10))
            guard !Task.isCancelled else { break }
            Progress.say(isTerminal ? "\r\u{1b}[K" + words() : words() + "\n")
        }
        if isTerminal { Progress.say("\r\u{1b}[K") }
    }

    static func say(_ text: String) { _ = write(2, text, text.utf8.count) }
}

extension Torture {
    /// Where it stands, in one line.
    func words(
        _ lives: Lives, _ weather: WeatherMaker, _ proxy: FaultProxy, _ book: Book, _ depth: Depth,
        _ livesAll: Int,
        _ began: ContinuousClock.Instant
    ) -> String {
        let seconds = (ContinuousClock.now - began).components.seconds
        let (lived, sky) = (lives.counts, weather.counts)
        return
            "\(seconds) s: \(livesAll - lives.left) of \(livesAll) lives, \(lived.kills) kills, \(lived.stops) stops, "
            + "\(proxy.counts.allCuts) cuts, \(sky.terminations) terminations, \(sky.crashes) crashes, "
            + "\(book.count) asked, \(depth.last) in line"
    }
}
