internal import Glibc
internal import Platform

/// `poll(2)` in values.
struct SocketWait {
    enum Wish {
        case reading
        case writing
        case both
    }

    /// The descriptor can be read (or is at its end, or broken).
    var isReadable = false
    var isWritable = false
    /// The stop bell rang.
    var isStopped = false

    /// Waits until a wish is fulfilled, the bell rings, a signal comes or the deadline passes.
    ///
    /// Without a deadline it only looks.
    @discardableResult
    static func wait(_ descriptor: Int32, for wish: Wish, stop: Waker?, until deadline: Deadline?)
        -> SocketWait
    {
        wait(descriptor, for: wish, stop: stop, milliseconds: deadline?.pollMilliseconds ?? 0)
    }

    /// As above; −1 milliseconds waits for ever.
    @discardableResult
    static func wait(_ descriptor: Int32, for wish: Wish, stop: Waker?, milliseconds: Int32) -> SocketWait {
        let events: Int32 =
            switch wish {
            case .reading: POLLIN
            case .writing: POLLOUT
            case .both: POLLIN | POLLOUT
            }
        return withUnsafeTemporaryAllocation(of: pollfd.self, capacity: 2) { descriptors in
            descriptors[0] = pollfd(fd: descriptor, events: Int16(events), revents: 0)
            // poll ignores negative descriptors.
            descriptors[1] = pollfd(fd: stop?.descriptor ?? -1, events: Int16(POLLIN), revents: 0)
            guard poll(descriptors.baseAddress!, 2, milliseconds) > 0 else { return SocketWait() }
            let seen = Int32(descriptors[0].revents)
            return SocketWait(
                isReadable: seen & (POLLIN | POLLHUP | POLLERR | POLLNVAL) != 0,
                isWritable: seen & POLLOUT != 0,
                isStopped: descriptors[1].revents != 0)
        }
    }

    /// How many bytes have arrived and were not read; zero for what is no socket any more.
    static func bytesWaiting(at descriptor: Int32) -> Int {
        var count: Int32 = 0
        return ioctl(descriptor, UInt(FIONREAD), &count) == 0 ? Int(count) : 0
    }
}
