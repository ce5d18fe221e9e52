/// Why a page was not read.
package enum MarkupError: Error, Sendable, Equatable, CustomStringConvertible {
    /// It has more bytes than are taken.
    case tooLarge(bytesMax: Int)
    /// Its elements are nested deeper than is followed.
    case tooDeep(depthMax: Int)
    /// It is made of more elements, attributes, texts and comments than are kept.
    case tooManyNodes(nodesMax: Int)
    /// One tag has more attributes than are compared, or its tags cannot be told apart with reasonable work.
    case tooTangled
    /// Reading it, or answering a question about it, took more work than is spent on one page.
    case tooSlow
    /// There is no element in it.
    case notMarkup
    /// As XML it is not well formed, or brings a document type of its own.
    case malformed

    package var description: String {
        switch self {
        case .tooLarge(let bytes): "the page has more than \(bytes) bytes"
        case .tooDeep(let depth): "the page's elements are nested deeper than \(depth)"
        case .tooManyNodes(let nodes): "the page has more than \(nodes) nodes"
        case .tooTangled: "the page's tags cannot be told apart"
        case .tooSlow: "the page takes too long to read"
        case .notMarkup: "there is no element in the page"
        case .malformed: "the document is not plain well-formed XML"
        }
    }
}
