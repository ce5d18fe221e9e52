internal import Platform

/// A connection of its own that listens for notifications, and reconnects for ever until closed.
///
/// Notifications sent while it was not connected are lost: that is what ``Event/listening`` is for. A query each 30
/// seconds of silence finds a peer that has gone without a word. When the last reference goes, it closes.
package final class Listener: Sendable {
    package enum Event: Sendable, Equatable {
        /// Connected, for the first time or again: the caller should look once for what it missed.
        case listening
        case notification(channel: String, payload: String)
        /// The connection is gone, or could not be made; another attempt follows.
        case lost(String)
    }

    /// What happens, for one reader.
    ///
    /// Keeps the newest 1024 while nobody reads; ends after ``close()``.
    package let events: AsyncStream<Event>

    private let worker: ListenerWorker

    /// - Parameter settings: A direct way to the server: a pooler in transaction mode cannot listen.
    package init(_ settings: ConnectionSettings, channels: [String]) {
        precondition(!settings.pooled, "LISTEN does not work through a pooler in transaction mode")
        let (events, continuation) = AsyncStream.makeStream(
            of: Event.self, bufferingPolicy: .bufferingNewest(1024))
        self.events = events
        worker = ListenerWorker(settings, channels, continuation)
    }

    deinit { worker.stop() }

    /// Begins; a second time, or after ``close()``, does nothing.
    package func start() { worker.start() }

    /// Ends soon, without waiting; a second time does nothing.
    package func close() { worker.stop() }
}
