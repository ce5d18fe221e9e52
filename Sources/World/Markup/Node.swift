internal import CXML

/// An element, an attribute or a text of a page; it keeps the page alive.
package struct Node {
    package let document: Document
    let pointer: xmlNodePtr

    init(document: Document, pointer: xmlNodePtr) {
        self.document = document
        self.pointer = pointer
    }

    /// The element's or the attribute's name, in small letters in HTML; `text` for a text.
    package var name: String { pointer.pointee.name.map { String(cString: $0) } ?? "" }

    /// All text inside, with blanks collapsed to one space and none at the ends.
    package var text: String { rawText.collapsingBlanks }

    /// All text inside, as it stands in the page.
    package var rawText: String {
        guard let content = xmlNodeGetContent(pointer) else { return "" }
        defer { xml_release(content) }
        return String(cString: content)
    }

    /// The value of an attribute; nil when the element has none of that name.
    package subscript(_ attribute: String) -> String? {
        guard pointer.pointee.type == XML_ELEMENT_NODE, let value = xmlGetNoNsProp(pointer, attribute) else {
            return nil
        }
        defer { xml_release(value) }
        return String(cString: value)
    }

    /// The attributes, in the order in which they stand.
    package var attributes: [(name: String, value: String)] {
        guard pointer.pointee.type == XML_ELEMENT_NODE else { return [] }
        var attributes: [(name: String, value: String)] = []
        var next = pointer.pointee.properties
        while let each = next {
            let node = UnsafeMutableRawPointer(each).assumingMemoryBound(to: xmlNode.self)
            let attribute = Node(document: document, pointer: node)
            attributes.append((attribute.name, attribute.rawText))
            next = each.pointee.next
        }
        return attributes
    }

    /// Whether the element's class list holds this word.
    package func hasClass(_ word: String) -> Bool {
        (self["class"] ?? "").split(whereSeparator: \.isBlank).contains { $0 == word }
    }

    /// Everything that the expression finds from here, in the page's order; start it with `.` or `./`, as `/` is the
    /// whole page's root.
    ///
    /// - Throws: `MarkupError.tooSlow`.
    package func nodes(_ path: String) throws -> [Node] { try document.find(path, from: pointer) }

    /// The first that the expression finds from here, nil when there is none.
    package func first(_ path: String) throws -> Node? { try nodes(path).first }

    /// The text of each that the expression finds from here, blanks collapsed.
    package func texts(_ path: String) throws -> [String] { try nodes(path).map(\.text) }

    /// The text of the first that the expression finds from here, blanks collapsed; nil when there is none.
    package func text(_ path: String) throws -> String? { try first(path)?.text }
}

extension String {
    /// Each run of blanks as one space, none at the ends.
    fileprivate var collapsingBlanks: String {
        split(whereSeparator: \.isBlank).joined(separator: " ")
    }
}

extension Character {
    /// What HTML collapses, and the no-break space, which pages use as one.
    fileprivate var isBlank: Bool {
        switch self {
        case " ", "\t", "\n", "\r", "\r\n", "\u{0c}", "\u{a0}": true
        default: false
        }
    }
}
