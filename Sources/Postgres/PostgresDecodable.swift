/// What a cell can be read as.
package protocol PostgresDecodable {
    /// Reads a value that is not `NULL` from its binary form.
    /// - Throws: `PostgresError.decoding` when the type of the cell is another.
    static func decode(from bytes: UnsafeRawBufferPointer, type oid: UInt32) throws -> Self

    /// What `NULL` reads as; nil refuses it.
    static var postgresNull: Self? { get }
}

extension PostgresDecodable {
    package static var postgresNull: Self? { nil }
}

/// The refusal that every decoder ends in; kept out of line so that the good path stays short.
@inline(never)
func mismatch<T>(_ wanted: T.Type, _ bytes: UnsafeRawBufferPointer, _ oid: UInt32) -> PostgresError {
    let hint = oid == TypeOID.numeric ? "; cast it in the statement" : ""
    return .decoding("expected \(wanted), got \(TypeOID.name(of: oid)) of \(bytes.count) bytes\(hint)")
}

extension UnsafeRawBufferPointer {
    /// The big-endian integer that fills the whole buffer, or nil if the width is another.
    @inline(__always)
    func bigEndian<T: FixedWidthInteger>(_: T.Type) -> T? {
        guard count == MemoryLayout<T>.size else { return nil }
        return T(bigEndian: loadUnaligned(as: T.self))
    }

    /// Whichever integer the server sent, widened.
    func integer(_ oid: UInt32) -> Int64? {
        switch oid {
        case TypeOID.int8, TypeOID.xid8: bigEndian(Int64.self)
        case TypeOID.int4: bigEndian(Int32.self).map(Int64.init)
        case TypeOID.int2: bigEndian(Int16.self).map(Int64.init)
        case TypeOID.oid: bigEndian(UInt32.self).map(Int64.init)
        default: nil
        }
    }

    /// The JSON text of a `jsonb` cell, whose binary form opens with a version byte.
    var jsonbText: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: dropFirst()) }
}

extension Bool: PostgresDecodable {
    package static func decode(from bytes: UnsafeRawBufferPointer, type oid: UInt32) throws -> Bool {
        guard oid == TypeOID.bool, bytes.count == 1 else { throw mismatch(Self.self, bytes, oid) }
        return bytes[0] != 0
    }
}

extension Int16: PostgresDecodable {
    package static func decode(from bytes: UnsafeRawBufferPointer, type oid: UInt32) throws -> Int16 {
        guard oid == TypeOID.int2, let value = bytes.bigEndian(Int16.self) else {
            throw mismatch(Self.self, bytes, oid)
        }
        return value
    }
}

extension Int32: PostgresDecodable {
    package static func decode(from bytes: UnsafeRawBufferPointer, type oid: UInt32) throws -> Int32 {
        guard oid == TypeOID.int4 || oid == TypeOID.int2, let value = bytes.integer(oid) else {
            throw mismatch(Self.self, bytes, oid)
        }
        return Int32(truncatingIfNeeded: value)
    }
}

extension Int64: PostgresDecodable {
    package static func decode(from bytes: UnsafeRawBufferPointer, type oid: UInt32) throws -> Int64 {
        guard let value = bytes.integer(oid) else { throw mismatch(Self.self, bytes, oid) }
        return value
    }
}

extension Int: PostgresDecodable {
    package static func decode(from bytes: UnsafeRawBufferPointer, type oid: UInt32) throws -> Int {
        guard let value = bytes.integer(oid) else { throw mismatch(Self.self, bytes, oid) }
        return Int(value)
    }
}

extension Double: PostgresDecodable {
    package static func decode(from bytes: UnsafeRawBufferPointer, type oid: UInt32) throws -> Double {
        if oid == TypeOID.float8, let bits = bytes.bigEndian(UInt64.self) { return Double(bitPattern: bits) }
        if oid == TypeOID.float4, let bits = bytes.bigEndian(UInt32.self) {
            return Double(Float(bitPattern: bits))
        }
        throw mismatch(Self.self, bytes, oid)
    }
}

extension String: PostgresDecodable {
    /// Text of every kind, JSON, enums, UUIDs in their usual form, and integers in decimal.
    package static func decode(from bytes: UnsafeRawBufferPointer, type oid: UInt32) throws -> String {
        switch oid {
        case TypeOID.text, TypeOID.varchar, TypeOID.name, TypeOID.unknown, TypeOID.json, TypeOID.char,
            TypeOID.blankPaddedChar, TypeOID.firstUserDefined...:
            return String(decoding: bytes, as: UTF8.self)
        case TypeOID.jsonb:
            return String(decoding: bytes.jsonbText, as: UTF8.self)
        case TypeOID.uuid where bytes.count == 16:
            return uuid(bytes)
        case TypeOID.xid8:
            guard let value = bytes.bigEndian(UInt64.self) else { throw mismatch(Self.self, bytes, oid) }
            return String(value)
        default:
            guard let value = bytes.integer(oid) else { throw mismatch(Self.self, bytes, oid) }
            return String(value)
        }
    }

    private static func uuid(_ bytes: UnsafeRawBufferPointer) -> String {
        var text = ""
        for (index, byte) in bytes.enumerated() {
            if [4, 6, 8, 10].contains(index) { text += "-" }
            text += byte < 16 ? "0" : ""
            text += String(byte, radix: 16)
        }
        return text
    }
}

extension Optional: PostgresDecodable where Wrapped: PostgresDecodable {
    package static func decode(from bytes: UnsafeRawBufferPointer, type oid: UInt32) throws -> Wrapped? {
        try Wrapped.decode(from: bytes, type: oid)
    }

    package static var postgresNull: Wrapped?? { .some(.none) }
}

extension Array: PostgresDecodable where Element: PostgresElement {
    package static func decode(from bytes: UnsafeRawBufferPointer, type oid: UInt32) throws -> [Element] {
        try Element.decodeArray(from: bytes, type: oid)
    }
}

extension UInt8 {
    /// The raw bytes of a cell; for JSON, its text.
    package static func decodeArray(from bytes: UnsafeRawBufferPointer, type oid: UInt32) throws -> [UInt8] {
        Array(oid == TypeOID.jsonb ? bytes.jsonbText : bytes)
    }
}

extension PostgresElement where Self: PostgresDecodable {
    /// Reads an array of at most one dimension.
    ///
    /// The layout is `array_send`'s: dimensions, flags, element type, then length and lower bound, then each
    /// element behind its length, −1 being `NULL`.
    package static func decodeArray(from bytes: UnsafeRawBufferPointer, type oid: UInt32) throws -> [Self] {
        var reader = ArrayReader(bytes: bytes)
        guard let dimensions = reader.int32(), reader.int32() != nil, let element = reader.int32(),
            dimensions <= 1,
            bytes.count == 12 || dimensions == 1
        else { throw mismatch([Self].self, bytes, oid) }
        guard dimensions == 1 else { return [] }
        guard let count = reader.int32(), reader.int32() != nil, count >= 0 else {
            throw mismatch([Self].self, bytes, oid)
        }
        var elements: [Self] = []
        elements.reserveCapacity(Swift.min(Int(count), bytes.count / 4))
        for _ in 0..<count {
            guard let cell = reader.cell() else { throw mismatch([Self].self, bytes, oid) }
            elements.append(try decode(cell: cell, type: UInt32(bitPattern: element)))
        }
        return elements
    }

    private static func decode(cell: ArrayReader.Cell, type oid: UInt32) throws -> Self {
        switch cell {
        case .bytes(let bytes): return try decode(from: bytes, type: oid)
        case .null:
            guard let null = postgresNull else {
                throw PostgresError.decoding("NULL inside an array of \(Self.self)")
            }
            return null
        }
    }
}

/// Walks over the binary form of an array without ever leaving it.
private struct ArrayReader {
    enum Cell {
        case null
        case bytes(UnsafeRawBufferPointer)
    }

    let bytes: UnsafeRawBufferPointer
    var position = 0

    mutating func int32() -> Int32? {
        guard bytes.count - position >= 4 else { return nil }
        defer { position += 4 }
        return Int32(bigEndian: bytes.loadUnaligned(fromByteOffset: position, as: Int32.self))
    }

    mutating func cell() -> Cell? {
        guard let length = int32() else { return nil }
        guard length >= 0 else { return .null }
        guard bytes.count - position >= Int(length) else { return nil }
        defer { position += Int(length) }
        return .bytes(UnsafeRawBufferPointer(rebasing: bytes[position..<position + Int(length)]))
    }
}
