internal import Glibc

/// Who gives an order, for the record.
enum Actor {
    /// What `--by` says, else the name of the user.
    static func name(_ call: Invocation) -> String {
        if let told = call.text(.by) { return told }
        guard let user = getenv("USER"), user.pointee != 0 else { return "user \(getuid())" }
        return String(cString: user)
    }
}
