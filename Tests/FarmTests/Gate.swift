import Platform
import TestSupport

/// Something that runs wait at until a test opens it.
final class Gate: Sendable {
    private let isOpen = Lock(false)

    func open() { isOpen.withLock { $0 = true } }

    /// Returns when the gate is open.
    /// - Throws: `CancellationError` when the run is ended before.
    func pass() async throws {
        while !isOpen.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(3)) }
    }

    /// Returns when the gate is open, and hears no cancel, as a bad library would.
    func passDeaf() async {
        while !isOpen.withLock({ $0 }) {
            // A task of its own has no cancel to hear.
            await Task { try? await Task.sleep(for: .milliseconds(3)) }.value
        }
    }
}
