internal import Glibc
internal import Platform

/// The other end will read no more of this answer.
struct ConnectionGone: Error {}

extension Connection {
    /// Returns when the kernel has all the bytes.
    ///
    /// - Parameter isMore: whether more follows at once, so that it may travel in one packet.
    func write(_ bytes: [UInt8], isMore: Bool = false) async throws(ConnectionGone) {
        var offset = 0
        while offset < bytes.count {
            guard !isGone else { throw ConnectionGone() }
            let flags = Int32(MSG_NOSIGNAL) | (isMore ? Int32(MSG_MORE) : 0)
            let count = bytes.withUnsafeBytes {
                send(descriptor, $0.baseAddress! + offset, $0.count - offset, flags)
            }
            offset += max(0, count)
            try await settle(count)
        }
    }

    /// Sends a part of a file, a step at a time, the neighbours between.
    func write(file: Int32, from start: Int64, to end: Int64) async throws(ConnectionGone) {
        var offset = start
        while offset < end {
            guard !isGone else { throw ConnectionGone() }
            let count = OpenFile.send(file, to: descriptor, &offset, atMost: Int(end - offset))
            if count == 0 {
                // It became shorter; the other end sees that something is missing.
                vanish(.answerBroken)
                throw ConnectionGone()
            }
            try await settle(count)
            if offset < end { await Task.yield() }
        }
    }

    /// Deals with what a send returned.
    private func settle(_ count: Int) async throws(ConnectionGone) {
        if count >= 0 {
            share.counts.withLock { $0.bytesOut += count }
        } else if errno == EAGAIN {
            await writable()
        } else if errno != EINTR {
            vanish(.peerGone)
            throw ConnectionGone()
        }
    }

    /// Waits until nobody else is in the middle of writing.
    func takeTurn() async {
        guard isWriting else {
            isWriting = true
            return
        }
        await withCheckedContinuation { turns.append($0) }
    }

    func endTurn() {
        if turns.isEmpty { isWriting = false } else { turns.removeFirst().resume() }
    }
}
