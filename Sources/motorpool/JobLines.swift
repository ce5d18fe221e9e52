internal import Jobs

/// Reads jobs from lines of JSON.
struct JobLines {
    /// How faults name the source.
    let name: String
    /// For lines that name none.
    let kind: String?
    /// Whether a line is a job's arguments, or a whole job.
    let isArgsOnly: Bool

    /// The job of a line; `nil` for an empty one.
    /// - Throws: `UsageError` with source and line.
    func job(_ line: [UInt8], from template: NewJob, number: Int) throws -> NewJob? {
        guard line.contains(where: { $0 > 0x20 }) else { return nil }
        func refuse(_ sentence: String) -> UsageError { UsageError("\(name):\(number): \(sentence)") }
        let part: JSONPart
        do throws(JSONFault) { part = try JSON(line).parts() } catch {
            throw refuse("no JSON: column \(error.column): \(error.message)")
        }
        var job = template
        if isArgsOnly {
            job.args = part.json
            return job
        }
        guard case .object(let members) = part.value else {
            throw refuse("expected an object, like {\"kind\": \"noop\"}")
        }
        for (name, part) in members where !part.isNull || name == "args" {
            guard let field = Self.fields[name] else {
                throw refuse(
                    "unknown “\(name)”; known are \(Self.fields.keys.sorted().joined(separator: ", "))")
            }
            guard field.read(part, &job) else {
                throw refuse(
                    "\(name): expected \(field.expected), found \(part.json.description.cut(to: 60))")
            }
        }
        guard !job.kind.isEmpty else { throw refuse("“kind” is missing") }
        return job
    }

    private struct Field {
        let expected: String
        let read: @Sendable (JSONPart, inout NewJob) -> Bool
    }

    private static let fields: [String: Field] = [
        "kind": text { $1.kind = $0 },
        "args": Field(expected: "any JSON") { part, job in
            job.args = part.json
            return true
        },
        "meta": Field(expected: "any JSON") { part, job in
            job.meta = part.json
            return true
        },
        "subject": text { $1.subject = $0 },
        "key": text { $1.key = $0 },
        "queue": text { $1.queue = $0 },
        "limit_key": text { $1.limitKey = $0 },
        "delay": Field(expected: "a time like \"10s\"") { part, job in
            job.delay = part.string.flatMap { Duration(text: $0) }
            return job.delay != nil
        },
        "priority": Field(expected: "\"urgent\", \"high\", \"normal\" or \"low\"") { part, job in
            job.priority = part.string.flatMap { Priority(text: $0) }
            return job.priority != nil
        },
        "attempts": Field(expected: "a whole number") { part, job in
            job.attemptsMax = Int(part.json.description)
            return job.attemptsMax != nil
        },
    ]

    private static func text(_ set: @escaping @Sendable (String, inout NewJob) -> Void) -> Field {
        Field(expected: "a text") { part, job in
            guard let text = part.string else { return false }
            set(text, &job)
            return true
        }
    }
}
