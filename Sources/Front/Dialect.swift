package import HTTPServer

/// How the clients of a served system want to be answered, where that differs from the engine's own ways.
///
/// On its paths a slash at the end changes nothing, and unknown or repeated arguments are the handlers' to judge.
package struct Dialect: Sendable {
    /// First segments of paths, such as `download`: whatever is asked below them is answered so, unknown paths too.
    package let roots: Set<String>
    /// Added to every answer.
    package let headers: Headers
    /// Tells a problem in the form that the clients read.
    package let tell: @Sendable (Problem) -> Response

    package init(
        roots: Set<String>, headers: Headers, tell: @escaping @Sendable (Problem) -> Response
    ) {
        self.roots = roots
        self.headers = headers
        self.tell = tell
    }

    /// The same path with a slash at its end, or without. `nil` for the root.
    static func twin(of path: String) -> String? {
        guard path.utf8.count > 1 else { return nil }
        return path.hasSuffix("/") ? String(path.dropLast()) : path + "/"
    }
}
