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
        if isArgsOnly {
            var job = template
            job.args = part.json
            if let fault = job.fault { throw refuse(fault.message) }
            return job
        }
        do throws(FieldFault) {
            return try JobReader(part, template: template).job
        } catch {
            throw refuse(error.message)
        }
    }
}
