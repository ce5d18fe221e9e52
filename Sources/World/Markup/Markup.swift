internal import Platform

/// Reads pages of strangers without standing in anybody's way.
///
/// A page is read, asked and forgotten on a thread of its own; at most `pagesAtOnce` are in hand, the others wait in
/// the order in which they came.
package enum Markup {
    package static let pagesAtOnce = 2

    private static let gate = Gate(width: pagesAtOnce)

    /// Reads a page of HTML and returns what `body` finds in it.
    ///
    /// - Parameters:
    ///   - charset: What the answer's header says, if it does; a byte order mark goes before it.
    ///   - body: Runs on the thread that read the page; neither the document nor a node of it leaves.
    /// - Throws: `MarkupError`, what `body` throws, and `CancellationError` when the task was cancelled before its turn.
    package static func readHTML<T: Sendable>(
        _ bytes: [UInt8], charset: String? = nil, limits: MarkupLimits = MarkupLimits(),
        _ body: @escaping @Sendable (Document) throws -> T
    ) async throws -> T {
        try await read(body) { try Document(html: bytes, charset: charset, limits: limits) }
    }

    /// Reads an XML document and returns what `body` finds in it, as `readHTML` does.
    ///
    /// A document type is refused, so there are no entities but the five that XML always has.
    package static func readXML<T: Sendable>(
        _ bytes: [UInt8], charset: String? = nil, limits: MarkupLimits = MarkupLimits(),
        _ body: @escaping @Sendable (Document) throws -> T
    ) async throws -> T {
        try await read(body) { try Document(xml: bytes, charset: charset, limits: limits) }
    }

    private static func read<T: Sendable>(
        _ body: @escaping @Sendable (Document) throws -> T,
        _ document: @escaping @Sendable () throws -> Document
    ) async throws -> T {
        try await gate.pass { try await blocking("markup") { try body(try document()) } }
    }
}
