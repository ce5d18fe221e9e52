internal import Glibc

/// The end of a process in which nothing can end it in good order any more.
enum LastResort {
    /// Says why, gives the log a moment to be written, and ends the process.
    static func end(_ log: Log, why: String) -> Never {
        log.say(.error, "ended", "the process ends at once: \(why)")
        log.finish()
        _exit(ExitCode.wornOut.rawValue)
    }
}
