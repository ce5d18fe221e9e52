/// The parameters of one statement in the binary form that libpq sends.
struct Parameters {
    private(set) var types: [UInt32] = []
    private var bytes: [UInt8] = []
    private var offsets: [Int] = []
    /// −1 stands for `NULL`.
    private var lengths: [Int32] = []

    /// The protocol counts parameters in 16 bits.
    private static let countMax = 65_535

    /// - Throws: `PostgresError.badParameter` for a NUL byte inside text, or too many parameters.
    init(_ sql: SQL) throws {
        guard sql.values.count <= Self.countMax else {
            throw PostgresError.badParameter(
                "\(sql.values.count) parameters; at most \(Self.countMax) can be sent")
        }
        guard !sql.text.utf8.contains(0) else {
            throw PostgresError.badParameter("the statement contains a NUL byte")
        }
        for (index, value) in sql.values.enumerated() {
            types.append(value.typeOID)
            offsets.append(bytes.count)
            guard value != .null else {
                lengths.append(-1)
                continue
            }
            do {
                try value.write(to: &bytes)
            } catch is NulByte {
                throw PostgresError.badParameter("parameter $\(index + 1) contains a NUL byte")
            }
            guard let length = Int32(exactly: bytes.count - offsets[index]) else {
                throw PostgresError.badParameter("parameter $\(index + 1) is larger than 2 GiB")
            }
            lengths.append(length)
        }
        // A pointer past the end for a trailing empty value must still not be null.
        bytes.append(0)
    }

    func isNull(_ index: Int) -> Bool { lengths[index] < 0 }

    /// Lends the four arrays in libpq's terms; they must not leave `body`.
    func withArrays<R>(
        _ body: (
            _ count: Int32, _ types: UnsafePointer<UInt32>?, _ values: UnsafePointer<UnsafePointer<CChar>?>?,
            _ lengths: UnsafePointer<Int32>?, _ formats: UnsafePointer<Int32>?
        ) -> R
    ) -> R {
        guard !types.isEmpty else { return body(0, nil, nil, nil, nil) }
        let formats = [Int32](repeating: 1, count: types.count)
        return bytes.withUnsafeBytes { buffer in
            let start = buffer.baseAddress!.assumingMemoryBound(to: CChar.self)
            let values: [UnsafePointer<CChar>?] = offsets.indices.map {
                isNull($0) ? nil : start + offsets[$0]
            }
            return body(Int32(types.count), types, values, lengths, formats)
        }
    }
}

/// Text with an embedded NUL, which PostgreSQL can not store.
private struct NulByte: Error {}

extension PostgresValue {
    fileprivate func write(to bytes: inout [UInt8]) throws {
        switch self {
        case .null: break
        case .bool(let value): bytes.append(value ? 1 : 0)
        case .int2(let value): bytes.append(bigEndian: value)
        case .int4(let value): bytes.append(bigEndian: value)
        case .int8(let value): bytes.append(bigEndian: value)
        case .float8(let value): bytes.append(bigEndian: value.bitPattern)
        case .text(let value): try bytes.append(text: value)
        case .bytea(let value): bytes += value
        case .json(let value): try bytes.append(json: value)
        case .boolArray(let values): bytes.append(array: values, of: TypeOID.bool) { $0.append($1 ? 1 : 0) }
        case .int2Array(let values):
            bytes.append(array: values, of: TypeOID.int2) { $0.append(bigEndian: $1) }
        case .int4Array(let values):
            bytes.append(array: values, of: TypeOID.int4) { $0.append(bigEndian: $1) }
        case .int8Array(let values):
            bytes.append(array: values, of: TypeOID.int8) { $0.append(bigEndian: $1) }
        case .float8Array(let values):
            bytes.append(array: values, of: TypeOID.float8) { $0.append(bigEndian: $1.bitPattern) }
        case .textArray(let values):
            try bytes.append(array: values, of: TypeOID.text) { try $0.append(text: $1) }
        case .jsonArray(let values):
            try bytes.append(array: values, of: TypeOID.jsonb) { try $0.append(json: $1) }
        case .float8OptionalArray(let values):
            bytes.append(array: values, of: TypeOID.float8) { $0.append(bigEndian: $1.bitPattern) }
        case .int8OptionalArray(let values):
            bytes.append(array: values, of: TypeOID.int8) { $0.append(bigEndian: $1) }
        }
    }
}

extension [UInt8] {
    fileprivate mutating func append<T: FixedWidthInteger>(bigEndian value: T) {
        Swift.withUnsafeBytes(of: value.bigEndian) { append(contentsOf: $0) }
    }

    fileprivate mutating func append(text: String) throws {
        let start = count
        append(contentsOf: text.utf8)
        guard !self[start...].contains(0) else { throw NulByte() }
    }

    /// The binary form of `jsonb`: version 1, then the text.
    fileprivate mutating func append(json: [UInt8]) throws {
        guard !json.contains(0) else { throw NulByte() }
        append(1)
        append(contentsOf: json)
    }

    fileprivate mutating func append<T>(
        array values: [T], of element: UInt32, _ write: (inout [UInt8], T) throws -> Void
    ) rethrows {
        try append(array: values, hasNulls: false, of: element) { bytes, value in
            try bytes.append(measured: { try write(&$0, value) })
        }
    }

    fileprivate mutating func append<T>(
        array values: [T?], of element: UInt32, _ write: (inout [UInt8], T) throws -> Void
    ) rethrows {
        let hasNulls = values.contains { $0 == nil }
        try append(array: values, hasNulls: hasNulls, of: element) { bytes, value in
            guard let value else { return bytes.append(bigEndian: Int32(-1)) }
            try bytes.append(measured: { try write(&$0, value) })
        }
    }

    /// The layout of `array_recv`: dimensions, whether there are NULLs, the element type, then length and lower bound.
    private mutating func append<T>(
        array values: [T], hasNulls: Bool, of element: UInt32, _ write: (inout [UInt8], T) throws -> Void
    ) rethrows {
        append(bigEndian: Int32(values.isEmpty ? 0 : 1))
        append(bigEndian: Int32(hasNulls ? 1 : 0))
        append(bigEndian: element)
        guard !values.isEmpty else { return }
        append(bigEndian: Int32(values.count))
        append(bigEndian: Int32(1))
        for value in values { try write(&self, value) }
    }

    /// Writes a body behind its length.
    private mutating func append(measured write: (inout [UInt8]) throws -> Void) rethrows {
        let start = count
        append(bigEndian: Int32(0))
        try write(&self)
        let length = UInt32(count - start - 4)
        for index in 0..<4 { self[start + index] = UInt8(truncatingIfNeeded: length >> (24 - 8 * index)) }
    }
}
