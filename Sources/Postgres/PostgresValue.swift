/// One parameter as the server will see it: a type and a value.
///
/// `text` and the JSON cases are UTF-8; `json` travels as `jsonb`.
package enum PostgresValue: Sendable, Equatable {
    case null
    case bool(Bool)
    case int2(Int16)
    case int4(Int32)
    case int8(Int64)
    case float8(Double)
    case text(String)
    case bytea([UInt8])
    case json([UInt8])
    case boolArray([Bool])
    case int2Array([Int16])
    case int4Array([Int32])
    case int8Array([Int64])
    case float8Array([Double])
    case textArray([String?])
    case jsonArray([[UInt8]?])
    case float8OptionalArray([Double?])
    case int8OptionalArray([Int64?])
}

extension PostgresValue {
    /// The object identifier the value is announced with; 0 leaves a `NULL` to the server's inference.
    var typeOID: UInt32 {
        switch self {
        case .null: 0
        case .bool: TypeOID.bool
        case .int2: TypeOID.int2
        case .int4: TypeOID.int4
        case .int8: TypeOID.int8
        case .float8: TypeOID.float8
        case .text: TypeOID.text
        case .bytea: TypeOID.bytea
        case .json: TypeOID.jsonb
        case .boolArray: TypeOID.boolArray
        case .int2Array: TypeOID.int2Array
        case .int4Array: TypeOID.int4Array
        case .int8Array, .int8OptionalArray: TypeOID.int8Array
        case .float8Array, .float8OptionalArray: TypeOID.float8Array
        case .textArray: TypeOID.textArray
        case .jsonArray: TypeOID.jsonbArray
        }
    }
}
