internal import CPlatform
internal import Glibc

/// The operating system refused to make something a process needs.
package struct PlatformFault: Error, CustomStringConvertible {
    package let description: String

    package init(_ deed: String, code: Int32) {
        description = "\(deed): \(String(cString: strerror(code)))"
    }
}

/// A bell that wakes a thread which waits in `poll(2)`.
///
/// Rings add up to one: the descriptor stays readable from the first `wake` until the next `drain`.
package final class Waker: Sendable {
    /// Readable while rung; valid as long as this object lives.
    package let descriptor: Int32

    /// - Throws: `PlatformFault` when the process is out of descriptors.
    package init() throws {
        descriptor = platform_eventfd()
        guard descriptor >= 0 else { throw PlatformFault("making an eventfd", code: errno) }
    }

    deinit { close(descriptor) }

    /// Rings.
    ///
    /// Safe in a signal handler and on any thread; never blocks.
    package func wake() {
        var one: UInt64 = 1
        // EAGAIN means the counter is full, which is as rung as it gets.
        _ = write(descriptor, &one, 8)
    }

    /// Silences the bell; never blocks, also when it was silent.
    package func drain() {
        var count: UInt64 = 0
        _ = read(descriptor, &count, 8)
    }

    /// Blocks the thread until a wake, kept ones included, or until `limit` has passed; then silences the bell.
    package func wait(atMost limit: Duration) {
        let (seconds, attoseconds) = limit.components
        let milliseconds = max(0, min(seconds, 1_000_000)) * 1000 + attoseconds / 1_000_000_000_000_000
        var watched = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        _ = poll(&watched, 1, Int32(max(0, milliseconds)))
        drain()
    }
}
