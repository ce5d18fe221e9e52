/// An address inside the desk: always below `/admin`, every part percent-encoded.
package struct DeskPath: Hashable, Sendable {
    private let path: String
    private let query: String

    /// - Parameter segments: behind `/admin`, as they are meant, not encoded.
    init(_ segments: String..., query: [(String, String?)] = []) { self.init(segments, query: query) }

    init(_ segments: [String], query: [(String, String?)]) {
        path = segments.map { "/" + PercentText.encoded($0) }.joined()
        self.query = query.compactMap { name, value in
            value.map { "\(PercentText.encoded(name))=\(PercentText.encoded($0))" }
        }.joined(separator: "&")
    }

    package var text: String { "/admin\(path)" + (query.isEmpty ? "" : "?\(query)") }
}
