/// Reads a job that a producer describes as a JSON object, for every door through which one comes.
package struct JobReader: Sendable {
    package private(set) var job: NewJob

    /// - Parameter template: what holds where the object says nothing.
    /// - Throws: `FieldFault` for a member that is unknown, comes twice, has another form, or is out of its bounds.
    package init(_ part: JSONPart, template: NewJob = NewJob("")) throws(FieldFault) {
        job = template
        guard case .object(let members) = part.value else {
            throw FieldFault(
                field: nil, message: "expected an object, like {\"kind\": \"noop\"}, found \(part.brief)")
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
                    field: name, message: "\(name): expected \(field.expected), found \(part.brief)")
            }
        }
        guard !job.kind.isEmpty else { throw FieldFault(field: "kind", message: "“kind” is missing") }
        // Even when one of them is null: it is not clear what was meant.
        if seen.isSuperset(of: ["run_at", "delay"]) {
            throw FieldFault(field: "run_at", message: "run_at: expected run_at or delay, found both")
        }
        if let fault = job.fault { throw fault }
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
            guard part.isObject else { return false }
            it.job.meta = part.json
            return true
        },
        "subject": text { $1.subject = $0 },
        "key": text { $1.key = $0 },
        "queue": text { $1.queue = $0 },
        "limit_key": text { $1.limitKey = $0 },
        "delay": Field(expected: "a time like \"10s\" or seconds, at most ten years") { part, it in
            switch part.value {
            case .string(let text): it.job.delay = Duration(text: text)
            case .number(let digits):
                it.job.delay = Double(digits).flatMap {
                    (0...Bounds.delayMax.inSeconds).contains($0) ? .seconds($0) : nil
                }
            default: return false
            }
            return it.job.delay != nil
        },
        "run_at": Field(expected: "an instant like \"2027-03-28T01:30:00Z\"") { part, it in
            it.job.runAt = part.string.flatMap { Timestamp(rfc3339: $0) }
            return it.job.runAt != nil
        },
        "priority": Field(expected: "\"urgent\", \"high\", \"normal\" or \"low\"") { part, it in
            it.job.priority = part.string.flatMap { Priority(text: $0) }
            return it.job.priority != nil
        },
        "attempts": Field(expected: "a whole number from 1 to 1000") { part, it in
            guard case .number(let digits) = part.value, let count = Int(digits),
                (1...Bounds.attemptsMax).contains(count)
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
}
