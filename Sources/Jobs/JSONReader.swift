/// A value of a JSON document: a range of the one buffer in which the whole document stands.
///
/// Made by `JSON.parts()`, which has checked everything within, so that taking it apart can't fail. It is taken apart a
/// level at a time, and only when asked.
package struct JSONPart: Sendable {
    package enum Value: Sendable {
        case null
        case bool(Bool)
        /// As it was written: no digit is lost.
        case number(String)
        case string(String)
        case array([JSONPart])
        /// In the order of the text; a name may come twice.
        case object([(name: String, part: JSONPart)])
    }

    private let buffer: [UInt8]
    private let start: UInt32
    private let end: UInt32
    /// What it becomes in the database.
    package let measure: JSONMeasure

    init(_ buffer: [UInt8], _ range: Range<Int>, _ measure: JSONMeasure) {
        self.buffer = buffer
        start = UInt32(range.lowerBound)
        end = UInt32(range.upperBound)
        self.measure = measure
    }

    private var range: Range<Int> { Int(start)..<Int(end) }
    private var first: UInt8 { buffer[Int(start)] }

    /// The text of this value, and nothing around it. A copy, unless it is the whole document.
    package var json: JSON {
        JSON(range == 0..<buffer.count ? buffer : Array(buffer[range]), known: measure)
    }

    /// As much of its text as a sentence can hold.
    package var brief: String { String(decoding: buffer[range].prefix(1000), as: UTF8.self).shortened }

    /// One level of it.
    package var value: Value {
        switch first {
        case UInt8(ascii: "{"): return .object(members)
        case UInt8(ascii: "["): return .array(elements)
        case UInt8(ascii: "\""): return .string(text(of: range))
        case UInt8(ascii: "t"): return .bool(true)
        case UInt8(ascii: "f"): return .bool(false)
        case UInt8(ascii: "n"): return .null
        default: return .number(String(decoding: buffer[range], as: UTF8.self))
        }
    }

    /// The last member of that name, when this is an object that has one.
    package subscript(name: String) -> JSONPart? {
        var found: JSONPart?
        eachMember { scanner, nameRange in
            let isWanted = isName(nameRange, name)
            let part = Self.checked(&scanner)
            if isWanted { found = part }
        }
        return found
    }

    package var string: String? { first == UInt8(ascii: "\"") ? text(of: range) : nil }

    package var isNull: Bool { first == UInt8(ascii: "n") }

    package var isObject: Bool { first == UInt8(ascii: "{") }

    /// How many elements an array has, counted without taking it apart; `nil` for any other value.
    package var elementCount: Int? {
        guard first == UInt8(ascii: "[") else { return nil }
        var count = 0
        eachElement { scanner in
            _ = Self.checked(&scanner)
            count += 1
        }
        return count
    }

    // MARK: Taking apart

    private var elements: [JSONPart] {
        var elements: [JSONPart] = []
        eachElement { elements.append(Self.checked(&$0)) }
        return elements
    }

    private var members: [(name: String, part: JSONPart)] {
        var members: [(name: String, part: JSONPart)] = []
        eachMember { scanner, name in members.append((text(of: name), Self.checked(&scanner))) }
        return members
    }

    /// Calls `body` with the scanner before each element; `body` walks over it.
    private func eachElement(_ body: (inout JSONScanner) -> Void) {
        guard first == UInt8(ascii: "["), var scanner = opened() else { return }
        repeat {
            body(&scanner)
            scanner.skipSpace()
        } while scanner.take(",")
    }

    /// Calls `body` with the scanner before the value of each member, and the place of its name; `body` walks over it.
    private func eachMember(_ body: (inout JSONScanner, Range<Int>) -> Void) {
        guard isObject, var scanner = opened() else { return }
        repeat {
            let name = Self.checked(&scanner).range
            scanner.skipSpace()
            _ = scanner.take(":")
            body(&scanner, name)
            scanner.skipSpace()
        } while scanner.take(",")
    }

    /// A scanner behind the opening bracket; `nil` when nothing stands between the brackets.
    private func opened() -> JSONScanner? {
        var scanner = JSONScanner(buffer, in: range)
        scanner.place += 1
        scanner.skipSpace()
        return scanner.next == UInt8(ascii: "]") || scanner.next == UInt8(ascii: "}") ? nil : scanner
    }

    /// The next value of a text that was read before.
    private static func checked(_ scanner: inout JSONScanner) -> JSONPart {
        do throws(JSONFault) { return try scanner.part() } catch {
            preconditionFailure("this JSON was read before without a fault: \(error)")
        }
    }

    // MARK: Texts

    private func isName(_ range: Range<Int>, _ name: String) -> Bool {
        let raw = buffer[range].dropFirst().dropLast()
        return raw.contains(UInt8(ascii: "\\"))
            ? text(of: range).utf8.elementsEqual(name.utf8) : raw.elementsEqual(name.utf8)
    }

    /// The text that stands in quotes there, with its escapes read.
    private func text(of range: Range<Int>) -> String {
        let raw = buffer[range].dropFirst().dropLast()
        guard let escape = raw.firstIndex(of: UInt8(ascii: "\\")) else {
            return String(decoding: raw, as: UTF8.self)
        }
        var text = Array(raw[..<escape])
        text.reserveCapacity(raw.count)
        var scanner = JSONScanner(buffer, in: escape..<raw.endIndex)
        while let byte = scanner.next {
            guard byte == UInt8(ascii: "\\") else {
                text.append(byte)
                scanner.place += 1
                continue
            }
            do throws(JSONFault) {
                let code = try scanner.escape()
                if let scalar = UnicodeScalar(code) { text += UTF8.encode(scalar) ?? .init() }
            } catch {
                preconditionFailure("this JSON was read before without a fault: \(error)")
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
