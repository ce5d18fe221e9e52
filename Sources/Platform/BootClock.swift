internal import Glibc

/// Time since the machine booted, counting suspension; it never jumps back.
package enum BootClock {
    /// `CLOCK_BOOTTIME`.
    ///
    /// It runs on while this process is stopped and while the machine sleeps, so a lease measured with it is
    /// never thought younger than it is.
    package static var now: Duration {
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }
}
