package import Jobs

/// The form of a JSON value, as JSON Schema (2020-12) writes it.
package struct Schema: Sendable {
    package let text: JSONText
    /// Of a string, in Unicode's scalars.
    package private(set) var length: ClosedRange<Int>?

    package init(_ members: [(String, JSONText)]) { text = .object(members) }

    package static let anything = Schema([])
    package static let boolean = Schema([("type", "boolean")])

    package static func string(length: ClosedRange<Int>? = nil, pattern: String? = nil) -> Schema {
        var members: [(String, JSONText)] = [("type", "string")]
        if let length {
            members += [
                ("minLength", JSONText(length.lowerBound)), ("maxLength", JSONText(length.upperBound)),
            ]
        }
        if let pattern { members.append(("pattern", .string(pattern))) }
        var schema = Schema(members)
        schema.length = length
        return schema
    }

    package static func oneOf(_ words: [String]) -> Schema {
        Schema([("type", "string"), ("enum", .array(words.map { .string($0) }))])
    }

    package static func integer(_ range: ClosedRange<Int>? = nil) -> Schema {
        guard let range else { return Schema([("type", "integer")]) }
        return Schema([
            ("type", "integer"), ("minimum", JSONText(range.lowerBound)),
            ("maximum", JSONText(range.upperBound)),
        ])
    }

    package static let number = Schema([("type", "number")])

    package static func array(of element: Schema, count: ClosedRange<Int>? = nil) -> Schema {
        var members: [(String, JSONText)] = [("type", "array"), ("items", element.text)]
        if let count {
            members += [("minItems", JSONText(count.lowerBound)), ("maxItems", JSONText(count.upperBound))]
        }
        var schema = Schema(members)
        schema.length = element.length
        return schema
    }

    /// An object with these members and no others.
    package static func object(_ members: [(String, Schema)], required: [String]) -> Schema {
        Schema([
            ("type", "object"), ("properties", .object(members.map { ($0.0, $0.1.text) })),
            ("required", .array(required.map { .string($0) })), ("additionalProperties", false),
        ])
    }

    package static func either(_ choices: [Schema]) -> Schema {
        Schema([("anyOf", .array(choices.map(\.text)))])
    }

    /// One of the named schemas of the document.
    package static func named(_ name: String) -> Schema {
        Schema([("$ref", .string("#/components/schemas/\(name)"))])
    }

    /// The same, or null.
    package var orNull: Schema { .either([self, Schema([("type", "null")])]) }
}
