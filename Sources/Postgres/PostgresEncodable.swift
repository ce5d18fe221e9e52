/// What can be bound in an ``SQL`` interpolation.
///
/// `Duration` is deliberately missing: send seconds, and say so in the name.
package protocol PostgresEncodable {
    var postgresValue: PostgresValue { get }
}

/// An element of an array that can be bound or read.
package protocol PostgresElement {
    static func postgresArray(_ elements: [Self]) -> PostgresValue
    static func decodeArray(from bytes: UnsafeRawBufferPointer, type oid: UInt32) throws -> [Self]
}

/// An element that may be `NULL` inside an array.
package protocol PostgresOptionalElement: PostgresDecodable {
    static func postgresArray(_ elements: [Self?]) -> PostgresValue
}

extension PostgresValue: PostgresEncodable {
    package var postgresValue: PostgresValue { self }
}

extension Bool: PostgresEncodable {
    package var postgresValue: PostgresValue { .bool(self) }
}

extension Int16: PostgresEncodable {
    package var postgresValue: PostgresValue { .int2(self) }
}

extension Int32: PostgresEncodable {
    package var postgresValue: PostgresValue { .int4(self) }
}

extension Int64: PostgresEncodable {
    package var postgresValue: PostgresValue { .int8(self) }
}

extension Int: PostgresEncodable {
    package var postgresValue: PostgresValue { .int8(Int64(self)) }
}

extension Double: PostgresEncodable {
    package var postgresValue: PostgresValue { .float8(self) }
}

extension String: PostgresEncodable {
    package var postgresValue: PostgresValue { .text(self) }
}

extension Optional: PostgresEncodable where Wrapped: PostgresEncodable {
    package var postgresValue: PostgresValue { self?.postgresValue ?? .null }
}

extension Array: PostgresEncodable where Element: PostgresElement {
    package var postgresValue: PostgresValue { Element.postgresArray(self) }
}

extension UInt8: PostgresElement {
    package static func postgresArray(_ elements: [UInt8]) -> PostgresValue { .bytea(elements) }
}

extension Bool: PostgresElement {
    package static func postgresArray(_ elements: [Bool]) -> PostgresValue { .boolArray(elements) }
}

extension Int16: PostgresElement {
    package static func postgresArray(_ elements: [Int16]) -> PostgresValue { .int2Array(elements) }
}

extension Int32: PostgresElement {
    package static func postgresArray(_ elements: [Int32]) -> PostgresValue { .int4Array(elements) }
}

extension Int64: PostgresElement {
    package static func postgresArray(_ elements: [Int64]) -> PostgresValue { .int8Array(elements) }
}

extension Int: PostgresElement {
    package static func postgresArray(_ elements: [Int]) -> PostgresValue {
        .int8Array(elements.map(Int64.init))
    }
}

extension Double: PostgresElement {
    package static func postgresArray(_ elements: [Double]) -> PostgresValue { .float8Array(elements) }
}

extension String: PostgresElement {
    package static func postgresArray(_ elements: [String]) -> PostgresValue { .textArray(elements) }
}

extension Optional: PostgresElement where Wrapped: PostgresOptionalElement {
    package static func postgresArray(_ elements: [Wrapped?]) -> PostgresValue {
        Wrapped.postgresArray(elements)
    }
}

extension String: PostgresOptionalElement {
    package static func postgresArray(_ elements: [String?]) -> PostgresValue { .textArray(elements) }
}

extension Double: PostgresOptionalElement {
    package static func postgresArray(_ elements: [Double?]) -> PostgresValue {
        .float8OptionalArray(elements)
    }
}

extension Int64: PostgresOptionalElement {
    package static func postgresArray(_ elements: [Int64?]) -> PostgresValue { .int8OptionalArray(elements) }
}
