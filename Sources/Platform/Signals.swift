internal import CPlatform
import Glibc

/// The signals that ask the process to end, and those that must not end it.
package enum Signals {
    /// Hands SIGTERM and SIGINT to `handler`, and ignores SIGPIPE.
    ///
    /// With `onHangUp`, SIGHUP is handed to that instead of ending the process, be it sent to reload or by a terminal
    /// that closes.
    ///
    /// Call it once, first thing in `main`, before there is any other thread: a thread that is older could still be
    /// ended by a signal. `count` is 1 for the first signal, so that a second one may mean "now".
    /// The handlers run on a thread of its own and may block; signals that arrive meanwhile wait their turn.
    package static func onTermination(
        onHangUp: (@Sendable () -> Void)? = nil,
        _ handler: @escaping @Sendable (_ signal: Int32, _ count: Int) -> Void
    ) {
        ignoreBrokenPipes()
        let awaited = awaited(hangUp: onHangUp != nil)
        block(awaited)
        _ = BlockingThread.start("signals") {
            var awaited = awaited
            var count = 0
            while true {
                var signal: Int32 = 0
                guard sigwait(&awaited, &signal) == 0 else { continue }
                guard signal != SIGHUP else {
                    onHangUp?()
                    continue
                }
                count += 1
                handler(signal, count)
            }
        }
    }

    /// A peer that hung up is an error of the write, not the end of the process.
    package static func ignoreBrokenPipes() {
        _ = signal(SIGPIPE, SIG_IGN)
    }

    /// Makes a crash (SIGABRT, SIGSEGV and their kind) write one line on standard output before the process ends, in place
    /// of the backtrace of Swift's runtime; that one comes when SWIFT_BACKTRACE is set. Twice is once.
    /// - Parameter asText: a sentence for a terminal; otherwise a JSON object as the log has them.
    package static func reportCrashes(asText: Bool) {
        platform_report_crashes(asText ? 1 : 0)
    }

    private static func awaited(hangUp: Bool) -> sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, SIGTERM)
        sigaddset(&set, SIGINT)
        if hangUp { sigaddset(&set, SIGHUP) }
        return set
    }

    private static func block(_ set: sigset_t) {
        var set = set
        pthread_sigmask(SIG_BLOCK, &set, nil)
    }
}
