internal import Platform

/// What was waited for did not come.
package struct NeverHappened: Error, CustomStringConvertible {
    package let description: String

    package init(description: String) { self.description = description }
}

/// Waits for something that gives no event, by looking every few milliseconds.
///
/// What does give an event is to be waited for by that.
/// - Throws: `NeverHappened` when it is not so within `limit`; what `condition` throws.
package func eventually(
    _ what: String = "the condition", within limit: Duration = .seconds(5),
    _ condition: () async throws -> Bool
) async throws {
    let end = BootClock.now + limit
    while try await !condition() {
        guard BootClock.now < end else {
            throw NeverHappened(description: "\(what) did not come true in \(limit)")
        }
        try await Task.sleep(for: .milliseconds(5))
    }
}
