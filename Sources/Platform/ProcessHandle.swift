internal import CPlatform
import Glibc

/// One process and no other, even after its end, when its number may be given to somebody else.
package final class ProcessHandle: Sendable {
    private let descriptor: Int32

    /// Nil when there is no such process, or the system has no such handles.
    package init?(_ pid: Int32) {
        descriptor = platform_pidfd(pid)
        guard descriptor >= 0 else { return nil }
    }

    deinit { close(descriptor) }

    /// Kills it; nothing happens when it has ended, or is not ours to kill.
    package func kill() { _ = platform_pidfd_signal(descriptor, SIGKILL) }
}
