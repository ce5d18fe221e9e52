internal import Glibc

/// Where a farm keeps what is its own: the private server.
enum StateFolder {
    /// For the help.
    static let words = "/var/lib/motorpool, or ~/.local/state/motorpool"

    static func standard() -> String {
        let shared = "/var/lib/motorpool"
        if access(shared, W_OK) == 0 { return shared }
        if let base = variable("XDG_STATE_HOME") { return base + "/motorpool" }
        return (variable("HOME") ?? "/tmp") + "/.local/state/motorpool"
    }

    private static func variable(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
    }
}
