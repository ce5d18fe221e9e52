internal import CXML

/// A page that was read, and the answers to questions about it.
///
/// Not to be shared: it lives and is asked on one thread, see `Markup`. A `Node` keeps its document alive.
package final class Document {
    let pointer: xmlDocPtr
    private let stepsMax: Int

    /// Reads HTML as a browser would, whatever is wrong with it.
    ///
    /// Blocks for as long as it takes, some 20 MB/s; `Markup.readHTML` is the face for tasks.
    /// - Parameter charset: What the answer's header says, if it does; unknown names count as silence.
    /// - Throws: `MarkupError`, `.malformed` excepted.
    package init(html bytes: [UInt8], charset: String? = nil, limits: MarkupLimits = MarkupLimits()) throws {
        guard bytes.count <= limits.bytesMax else { throw MarkupError.tooLarge(bytesMax: limits.bytesMax) }
        let clean = Charset.decode(bytes, said: charset)
        let hasTag = try clean.withUnsafeBufferPointer { try TagScan($0).hasTag }
        guard hasTag else { throw MarkupError.notMarkup }
        let document = try Self.read(clean, limits, xml_guard_read_html)
        guard let document, xmlDocGetRootElement(document) != nil else {
            xmlFreeDoc(document)
            throw MarkupError.notMarkup
        }
        pointer = document
        stepsMax = limits.stepsMax
    }

    /// Reads XML that is well formed and has no document type.
    ///
    /// Elements in a namespace are asked for by `local-name()`.
    /// - Throws: `MarkupError`.
    package init(xml bytes: [UInt8], charset: String? = nil, limits: MarkupLimits = MarkupLimits()) throws {
        guard bytes.count <= limits.bytesMax else { throw MarkupError.tooLarge(bytesMax: limits.bytesMax) }
        let clean = Charset.decode(bytes, said: charset)
        // Also inside a comment: no answer that is asked for has one.
        guard clean.firstRange(of: Array("<!DOCTYPE".utf8)) == nil else { throw MarkupError.malformed }
        let hasTag = try clean.withUnsafeBufferPointer { try TagScan($0).hasTag }
        guard hasTag else { throw MarkupError.notMarkup }
        guard let document = try Self.read(clean, limits, xml_guard_read_xml) else {
            throw MarkupError.malformed
        }
        pointer = document
        stepsMax = limits.stepsMax
    }

    deinit { xmlFreeDoc(pointer) }

    /// libxml2 sets itself up once, before threads may use it.
    private static let library: Void = xmlInitParser()

    private static func read(
        _ bytes: [UInt8], _ limits: MarkupLimits,
        _ parse: (UnsafePointer<CChar>?, Int32, UnsafeMutablePointer<xml_guard>?) -> xmlDocPtr?
    ) throws -> xmlDocPtr? {
        _ = library
        guard let length = Int32(exactly: bytes.count) else {
            throw MarkupError.tooLarge(bytesMax: limits.bytesMax)
        }
        var bounds = xml_guard()
        bounds.nodes_max = limits.nodesMax
        bounds.depth_max = Int32(limits.depthMax)
        let (seconds, attoseconds) = limits.parseTimeMax.components
        bounds.cpu_nanoseconds_max = seconds * 1_000_000_000 + attoseconds / 1_000_000_000
        let document = bytes.withUnsafeBytes { raw in
            parse(raw.baseAddress?.assumingMemoryBound(to: CChar.self), length, &bounds)
        }
        let fault: MarkupError? =
            switch Int(bounds.verdict) {
            case XML_GUARD_TOO_DEEP: .tooDeep(depthMax: limits.depthMax)
            case XML_GUARD_TOO_MANY: .tooManyNodes(nodesMax: limits.nodesMax)
            case XML_GUARD_TOO_SLOW: .tooSlow
            default: nil
            }
        guard let fault else { return document }
        xmlFreeDoc(document)
        throw fault
    }
}

// MARK: - Questions

extension Document {
    /// The outermost element.
    package var root: Node { Node(document: self, pointer: xmlDocGetRootElement(pointer)) }

    /// Everything that the expression finds in the whole page, in the page's order.
    ///
    /// - Parameter path: XPath 1.0, written by us; one that does not parse is a crash.
    /// - Throws: `MarkupError.tooSlow`.
    package func nodes(_ path: String) throws -> [Node] { try find(path, from: nil) }

    /// The first that the expression finds, nil when there is none.
    package func first(_ path: String) throws -> Node? { try nodes(path).first }

    /// The text of each that the expression finds, blanks collapsed.
    package func texts(_ path: String) throws -> [String] { try nodes(path).map(\.text) }

    /// The text of the first that the expression finds, blanks collapsed; nil when there is none.
    package func text(_ path: String) throws -> String? { try first(path)?.text }

    func find(_ path: String, from node: xmlNodePtr?) throws -> [Node] {
        guard let expression = xml_path_compile(path) else {
            preconditionFailure("this is no XPath: \(path)")
        }
        defer { xmlXPathFreeCompExpr(expression) }
        guard let context = xml_path_context(pointer, UInt(stepsMax)) else { throw MarkupError.tooSlow }
        defer { xmlXPathFreeContext(context) }
        context.pointee.node = node ?? UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: xmlNode.self)
        guard let found = xmlXPathCompiledEval(expression, context) else { throw MarkupError.tooSlow }
        defer { xmlXPathFreeObject(found) }
        precondition(found.pointee.type == XPATH_NODESET, "this XPath finds no nodes: \(path)")
        guard let set = found.pointee.nodesetval, let table = set.pointee.nodeTab else { return [] }
        return (0..<Int(set.pointee.nodeNr)).compactMap { index in
            // A namespace is handed out in a copy that goes with the set.
            guard let each = table[index], each.pointee.type != XML_NAMESPACE_DECL else { return nil }
            return Node(document: self, pointer: each)
        }
    }
}
