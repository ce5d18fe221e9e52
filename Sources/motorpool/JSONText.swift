internal import Jobs
internal import Postgres

/// A JSON value being written.
enum JSONText: Sendable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral
{
    case null
    case bool(Bool)
    case int(Int64)
    case double(Double)
    case string(String)
    /// Already JSON.
    case raw(String)
    case array([JSONText])
    case object([(String, JSONText)])

    init(stringLiteral value: String) { self = .string(value) }
    init(integerLiteral value: Int64) { self = .int(value) }
    init(booleanLiteral value: Bool) { self = .bool(value) }

    init(_ value: String?) { self = value.map { .string($0) } ?? .null }
    init(_ value: Int?) { self = value.map { .int(Int64($0)) } ?? .null }
    init(_ value: Int64?) { self = value.map { .int($0) } ?? .null }
    init(_ value: JobID?) { self = value.map { .int($0.number) } ?? .null }
    init(_ value: JSON?) { self = value.map { .raw($0.description) } ?? .null }
    init(_ value: PostgresTimestamp?) { self = value.map { .string($0.iso8601) } ?? .null }
    /// Seconds.
    init(_ value: Duration?) { self = value.map { .double($0.inSeconds) } ?? .null }

    /// On one line.
    var text: String {
        switch self {
        case .null: return "null"
        case .bool(let value): return value ? "true" : "false"
        case .int(let value): return String(value)
        case .double(let value): return value.isFinite ? String(value) : "null"
        case .string(let value): return JSON.quoted(value)
        case .raw(let text): return text
        case .array(let values): return "[" + values.map(\.text).joined(separator: ",") + "]"
        case .object(let members):
            return "{" + members.map { "\(JSON.quoted($0.0)):\($0.1.text)" }.joined(separator: ",") + "}"
        }
    }
}
