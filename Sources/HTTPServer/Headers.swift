/// Header fields in the order in which they came. Names compare without case.
package struct Headers: Sendable, ExpressibleByDictionaryLiteral {
    package private(set) var fields: [(name: String, value: String)] = []

    package init() {}

    package init(dictionaryLiteral elements: (String, String)...) {
        for (name, value) in elements { add(name, value) }
    }

    /// The first field of that name. Setting replaces every field of that name; `nil` removes them.
    package subscript(name: String) -> String? {
        get { fields.first { Headers.same($0.name, name) }?.value }
        set {
            fields.removeAll { Headers.same($0.name, name) }
            if let newValue { add(name, newValue) }
        }
    }

    /// Every field of that name, in order.
    package func all(_ name: String) -> [String] {
        fields.filter { Headers.same($0.name, name) }.map(\.value)
    }

    /// Appends a field. What could end the line (CR, LF, NUL) is dropped, so that no value can become a second field or a
    /// second answer; a field whose name is none (RFC 9110, 5.1) is dropped whole.
    package mutating func add(_ name: String, _ value: String) {
        guard !name.isEmpty, name.utf8.allSatisfy(Headers.isToken) else { return }
        let isClean = value.utf8.allSatisfy { $0 != 13 && $0 != 10 && $0 != 0 }
        let kept =
            isClean
            ? value : String(decoding: value.utf8.filter { $0 != 13 && $0 != 10 && $0 != 0 }, as: UTF8.self)
        fields.append((name, kept))
    }

    mutating func reserveCapacity(_ count: Int) { fields.reserveCapacity(count) }

    /// Appends a field that a parser has checked.
    mutating func append(name: String, value: String) { fields.append((name, value)) }

    /// Whether two names are the same field's.
    static func same(_ one: String, _ other: String) -> Bool {
        let (one, other) = (one.utf8, other.utf8)
        guard one.count == other.count else { return false }
        var (left, right) = (one.makeIterator(), other.makeIterator())
        while let a = left.next(), let b = right.next() {
            if a != b, lowered(a) != lowered(b) { return false }
        }
        return true
    }

    private static func lowered(_ byte: UInt8) -> UInt8 { byte >= 65 && byte <= 90 ? byte | 32 : byte }

    private static func isToken(_ byte: UInt8) -> Bool {
        switch byte {
        case 48...57, 65...90, 97...122: true
        // ! # $ % & ' * + - . ^ _ ` | ~
        case 33, 35...39, 42, 43, 45, 46, 94...96, 124, 126: true
        default: false
        }
    }
}
