/// A member of a job's JSON that can't be read.
package struct FieldFault: Error, Hashable, Sendable, CustomStringConvertible {
    /// `nil`: it is about the whole.
    package let field: String?
    /// What was expected, and what came.
    package let message: String

    package init(field: String?, message: String) {
        self.field = field
        self.message = message
    }

    package var description: String { message }
}

/// Reads a job that a producer describes as a JSON object, for every door through which one comes.
package struct JobReader: Sendable {
    package private(set) var job: NewJob
    /// An instant of ISO 8601, instead of a delay. Only the database's clock can tell how far away it is.
    package private(set) var runAt: String?

    /// - Parameter template: what holds where the object says nothing.
    /// - Throws: `FieldFault` for a member that is unknown, comes twice, or has another form.
    package init(_ part: JSONPart, template: NewJob = NewJob("")) throws(FieldFault) {
        job = template
        guard case .object(let members) = part.value else {
            throw FieldFault(
                field: nil, message: "expected an object, like {\"kind\": \"noop\"}, found \(part.words)")
        }
        var seen = Set<String>()
        for (name, part) in members {
            guard let field = Self.fields[name] else {
                let known = Self.fields.keys.sorted().joined(separator: ", ")
                throw FieldFault(
                    field: name.shortened, message: "unknown “\(name.shortened)”; known are \(known)")
            }
            guard seen.insert(name).inserted else {
                throw FieldFault(field: name, message: "\(name) came twice")
            }
            if part.isNull, name != "args" { continue }
            guard field.read(part, &self) else {
                throw FieldFault(
                    field: name, message: "\(name): expected \(field.expected), found \(part.words)")
            }
        }
        guard !job.kind.isEmpty else { throw FieldFault(field: "kind", message: "“kind” is missing") }
        // Even when one of them is null: nobody can tell what was meant.
        for other in ["delay", "key"] where seen.contains("run_at") && seen.contains(other) {
            throw FieldFault(field: "run_at", message: "expected run_at or \(other), found both")
        }
    }

    private struct Field: Sendable {
        let expected: String
        let read: @Sendable (JSONPart, inout JobReader) -> Bool
    }

    private static let fields: [String: Field] = [
        "kind": text { $1.kind = $0 },
        "args": Field(expected: "any JSON") { part, it in
            it.job.args = part.json
            return true
        },
        "meta": Field(expected: "an object") { part, it in
            guard case .object = part.value else { return false }
            it.job.meta = part.json
            return true
        },
        "subject": text { $1.subject = $0 },
        "key": text { $1.key = $0 },
        "queue": text { $1.queue = $0 },
        "limit_key": text { $1.limitKey = $0 },
        "delay": Field(expected: "a time like \"10s\", or seconds") { part, it in
            switch part.value {
            case .string(let text): it.job.delay = Duration(text: text)
            case .number(let digits):
                it.job.delay = Double(digits).flatMap { (0...315_576_000).contains($0) ? .seconds($0) : nil }
            default: return false
            }
            return it.job.delay != nil
        },
        "run_at": Field(expected: "an instant like \"2027-03-28T01:30:00Z\"") { part, it in
            guard let text = part.string, isInstant(text) else { return false }
            it.runAt = text
            return true
        },
        "priority": Field(expected: "\"urgent\", \"high\", \"normal\" or \"low\"") { part, it in
            it.job.priority = part.string.flatMap { Priority(text: $0) }
            return it.job.priority != nil
        },
        "attempts": Field(expected: "a whole number from 1 to 1000") { part, it in
            guard case .number(let digits) = part.value, let count = Int(digits), (1...1000).contains(count)
            else { return false }
            it.job.attemptsMax = count
            return true
        },
    ]

    /// The names of all members, in order.
    package static var names: [String] { fields.keys.sorted() }

    private static func text(_ set: @escaping @Sendable (String, inout NewJob) -> Void) -> Field {
        Field(expected: "a text") { part, it in
            guard let text = part.string else { return false }
            set(text, &it.job)
            return true
        }
    }

    /// RFC 3339's form, the zone always said. Whether there is such a day is the database's to say.
    private static func isInstant(_ text: String) -> Bool {
        text.wholeMatch(
            of:
                #/[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})/#
        )
            != nil
    }
}

extension JSONPart {
    /// As much of its text as a sentence can hold.
    fileprivate var words: String { json.description.shortened }
}

extension String {
    fileprivate var shortened: String { count > 60 ? prefix(59) + "…" : self }
}
