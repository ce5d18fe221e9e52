/// Something that goes wrong in one place of the sandbox.
package struct SandboxSwitch: Hashable, Sendable, CustomStringConvertible {
    package enum Place: String, Sendable, CaseIterable {
        /// The Web API with its item details.
        case api
        /// The store with its games.
        case store
        /// Item pages.
        case page
        /// The host of files.
        case file
        case steamcmd

        /// What can go wrong there.
        package var troubles: [String] {
            let web = ["slow", "failing", "truncated", "throttled", "challenged", "garbled"]
            switch self {
            case .api: return web + ["removed", "busy", "newer"]
            case .store: return web + ["removed"]
            case .page: return web + ["removed", "gated", "changed-layout", "nested"]
            case .file:
                return web + ["wrong-size", "removed", "forbidden", "redirect-inside", "redirect-metadata"]
                    + SandboxTrick.allCases.map(\.trouble)
            case .steamcmd:
                return [
                    "slow", "timeout", "no-connection", "failure", "locking", "access-denied",
                    "no-subscription",
                    "file-not-found", "rate-limit", "io", "not-logged-on", "odd-exit", "hang", "flood",
                    "daemon",
                    "crowd", "deaf", "escape", "link", "empty", "wrong-size", "no-entry", "crash",
                    "burglar", "burglar-memory", "burglar-disk", "burglar-processes",
                ]
            }
        }
    }

    package let place: Place
    package let trouble: String

    /// Reads `place:trouble`, such as `api:throttled`.
    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let place = Place(rawValue: String(parts[0])),
            place.troubles.contains(String(parts[1]))
        else { return nil }
        self.place = place
        trouble = String(parts[1])
    }

    package var description: String { "\(place.rawValue):\(trouble)" }
}
