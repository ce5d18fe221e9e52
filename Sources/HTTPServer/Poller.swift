internal import CUV

/// Watches one descriptor on one loop; of the loop's thread only.
///
/// The watch is level-triggered: what is watched for and not dealt with is told again in each turn. After an error it
/// watches for nothing until told anew.
final class Poller {
    private let handle: UnsafeMutablePointer<uv_poll_t>
    private let onEvent: (_ status: Int32, _ events: Int32) -> Void
    private var watched: Int32 = 0
    private var isClosed = false

    static let readable = Int32(UV_READABLE.rawValue)
    static let writable = Int32(UV_WRITABLE.rawValue)
    /// The other end will send nothing more.
    static let disconnect = Int32(UV_DISCONNECT.rawValue)

    /// `nil` when the kernel cannot watch it.
    init?(
        _ loop: UnsafeMutablePointer<uv_loop_t>, _ descriptor: Int32,
        _ onEvent: @escaping (_ status: Int32, _ events: Int32) -> Void
    ) {
        handle = .allocate(capacity: 1)
        self.onEvent = onEvent
        guard uv_poll_init(loop, handle, descriptor) == 0 else {
            handle.deallocate()
            return nil
        }
    }

    /// Watches for these events from now on; 0 for nothing.
    func watch(_ events: Int32) {
        guard !isClosed, events != watched else { return }
        watched = events
        if events == 0 {
            uv_poll_stop(handle)
        } else {
            handle.pointee.data = Unmanaged.passUnretained(self).toOpaque()
            uv_poll_start(handle, events, polled)
        }
    }

    /// Ends the watch; the descriptor may be closed right after. Must be called before the last reference goes.
    func close() {
        guard !isClosed else { return }
        isClosed = true
        // libuv looks at the handle once more in its next turn; until then it keeps us.
        handle.pointee.data = Unmanaged.passRetained(self).toOpaque()
        uv_close(UnsafeMutableRawPointer(handle).assumingMemoryBound(to: uv_handle_t.self), closed)
    }

    fileprivate func told(_ status: Int32, _ events: Int32) {
        // libuv has stopped the watch by itself then.
        if status < 0 { watched = 0 }
        onEvent(status, events)
    }

    fileprivate func free() { handle.deallocate() }
}

private func polled(_ handle: UnsafeMutablePointer<uv_poll_t>?, _ status: Int32, _ events: Int32) {
    guard let data = handle?.pointee.data else { return }
    Unmanaged<Poller>.fromOpaque(data).takeUnretainedValue().told(status, events)
}

private func closed(_ handle: UnsafeMutablePointer<uv_handle_t>?) {
    guard let data = handle?.pointee.data else { return }
    Unmanaged<Poller>.fromOpaque(data).takeRetainedValue().free()
}
