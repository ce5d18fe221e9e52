extension JSONPart {
    /// Decodes a value by the rules of `Decodable`.
    ///
    /// The last of two members of one name counts. A whole number may be written with a point or an exponent when it is
    /// one (`1.0`, `1e3`); a number that the type can't hold is a `DecodingError`.
    package func decode<T: Decodable>(_ type: T.Type) throws -> T {
        try T(from: JSONDecoding(part: self, codingPath: []))
    }
}

/// One value of a document on its way into a Swift type.
private struct JSONDecoding: Decoder, SingleValueDecodingContainer {
    let part: JSONPart
    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        guard case .object(let members) = part.value else { throw mismatch([String: Any].self, "an object") }
        return KeyedDecodingContainer(JSONMembers<Key>(members, codingPath))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        guard case .array(let elements) = part.value else { throw mismatch([Any].self, "an array") }
        return JSONElements(elements: elements, codingPath: codingPath)
    }

    func singleValueContainer() -> any SingleValueDecodingContainer { self }

    func decodeNil() -> Bool { part.isNull }

    func decode(_ type: Bool.Type) throws -> Bool {
        guard case .bool(let value) = part.value else { throw mismatch(type, "true or false") }
        return value
    }

    func decode(_ type: String.Type) throws -> String {
        guard let text = part.string else { throw mismatch(type, "a string") }
        return text
    }

    func decode(_ type: Double.Type) throws -> Double { try floating(type) }
    func decode(_ type: Float.Type) throws -> Float { try floating(type) }
    func decode(_ type: Int.Type) throws -> Int { try whole(type) }
    func decode(_ type: Int8.Type) throws -> Int8 { try whole(type) }
    func decode(_ type: Int16.Type) throws -> Int16 { try whole(type) }
    func decode(_ type: Int32.Type) throws -> Int32 { try whole(type) }
    func decode(_ type: Int64.Type) throws -> Int64 { try whole(type) }
    func decode(_ type: UInt.Type) throws -> UInt { try whole(type) }
    func decode(_ type: UInt8.Type) throws -> UInt8 { try whole(type) }
    func decode(_ type: UInt16.Type) throws -> UInt16 { try whole(type) }
    func decode(_ type: UInt32.Type) throws -> UInt32 { try whole(type) }
    func decode(_ type: UInt64.Type) throws -> UInt64 { try whole(type) }
    func decode<T: Decodable>(_ type: T.Type) throws -> T { try T(from: self) }

    // MARK: Numbers

    private func floating<T: BinaryFloatingPoint & LosslessStringConvertible>(_ type: T.Type) throws -> T {
        let digits = try digits(type)
        guard let value = T(digits), value.isFinite else { throw unrepresentable(digits, type) }
        return value
    }

    private func whole<T: FixedWidthInteger>(_ type: T.Type) throws -> T {
        let digits = try digits(type)
        if let value = T(digits) { return value }
        // Exact as far as a Double is; beyond that, a whole number is written in digits only.
        guard digits.utf8.contains(where: { ".eE".utf8.contains($0) }), let double = Double(digits),
            abs(double) < 9_007_199_254_740_992, let value = T(exactly: double)
        else { throw unrepresentable(digits, type) }
        return value
    }

    private func digits(_ type: Any.Type) throws -> String {
        guard case .number(let digits) = part.value else { throw mismatch(type, "a number") }
        return digits
    }

    private func mismatch(_ type: Any.Type, _ expected: String) -> DecodingError {
        if part.isNull {
            return .valueNotFound(
                type, .init(codingPath: codingPath, debugDescription: "expected \(expected), found null"))
        }
        return .typeMismatch(
            type, .init(codingPath: codingPath, debugDescription: "expected \(expected), found \(part.brief)")
        )
    }

    private func unrepresentable(_ digits: String, _ type: Any.Type) -> DecodingError {
        let path = codingPath.map(\.stringValue).joined(separator: ".")
        let place = path.isEmpty ? "args" : "“\(path)”"
        return .dataCorrupted(
            .init(
                codingPath: codingPath,
                debugDescription: "\(place): expected a number that \(type) holds, found \(digits.shortened)")
        )
    }
}

private struct JSONMembers<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let codingPath: [any CodingKey]
    private let members: [String: JSONPart]

    init(_ members: [(name: String, part: JSONPart)], _ codingPath: [any CodingKey]) {
        self.members = Dictionary(members.map { ($0.name, $0.part) }) { _, last in last }
        self.codingPath = codingPath
    }

    var allKeys: [Key] { members.keys.compactMap { Key(stringValue: $0) } }

    func contains(_ key: Key) -> Bool { members[key.stringValue] != nil }

    func decodeNil(forKey key: Key) throws -> Bool { try member(key).decodeNil() }

    func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T { try T(from: member(key)) }

    func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type, forKey key: Key) throws
        -> KeyedDecodingContainer<Nested>
    {
        try member(key).container(keyedBy: type)
    }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        try member(key).unkeyedContainer()
    }

    func superDecoder() throws -> any Decoder {
        guard let key = Key(stringValue: "super") else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: codingPath, debugDescription: "no member can be called “super” here"))
        }
        return try member(key)
    }

    func superDecoder(forKey key: Key) throws -> any Decoder { try member(key) }

    private func member(_ key: Key) throws -> JSONDecoding {
        guard let part = members[key.stringValue] else {
            throw DecodingError.keyNotFound(
                key, .init(codingPath: codingPath, debugDescription: "“\(key.stringValue)” is missing"))
        }
        return JSONDecoding(part: part, codingPath: codingPath + [key])
    }
}

private struct JSONElements: UnkeyedDecodingContainer {
    let elements: [JSONPart]
    let codingPath: [any CodingKey]
    var currentIndex = 0

    init(elements: [JSONPart], codingPath: [any CodingKey]) {
        self.elements = elements
        self.codingPath = codingPath
    }

    var count: Int? { elements.count }
    var isAtEnd: Bool { currentIndex == elements.count }

    mutating func decodeNil() throws -> Bool {
        guard try peek().decodeNil() else { return false }
        currentIndex += 1
        return true
    }

    mutating func decode<T: Decodable>(_ type: T.Type) throws -> T { try T(from: next()) }

    mutating func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) throws
        -> KeyedDecodingContainer<Nested>
    {
        try next().container(keyedBy: type)
    }

    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
        try next().unkeyedContainer()
    }

    mutating func superDecoder() throws -> any Decoder { try next() }

    private mutating func next() throws -> JSONDecoding {
        let decoding = try peek()
        currentIndex += 1
        return decoding
    }

    private func peek() throws -> JSONDecoding {
        let path = codingPath + [Index(intValue: currentIndex)]
        guard !isAtEnd else {
            throw DecodingError.valueNotFound(
                Any.self, .init(codingPath: path, debugDescription: "expected another element, found the end")
            )
        }
        return JSONDecoding(part: elements[currentIndex], codingPath: path)
    }

    private struct Index: CodingKey {
        let number: Int
        init(intValue: Int) { number = intValue }
        init?(stringValue: String) { nil }
        var intValue: Int? { number }
        var stringValue: String { String(number) }
    }
}
