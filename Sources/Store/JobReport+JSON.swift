package import Jobs
package import Postgres

extension JSONText {
    package init(_ value: PostgresTimestamp?) { self = value.map { .string($0.iso8601) } ?? .null }
}

extension JobReport {
    /// The job as the API and the command line tell it, all members always there.
    package var json: JSONText { json(hidesContent: false) }

    /// - Parameter hidesContent: args, meta, result and errors are null.
    package func json(hidesContent: Bool) -> JSONText {
        let content: [(String, JSONText)] =
            hidesContent
            ? [("args", .null), ("meta", .null), ("result", .null), ("errors", .null)]
            : [
                ("args", JSONText(args)), ("meta", JSONText(meta)), ("result", JSONText(result)),
                ("errors", JSONText(errors ?? JSON(text: "[]"))),
            ]
        return .object(
            [
                ("id", JSONText(id)), ("state", .string(state.rawValue)), ("reason", JSONText(reason)),
                ("kind", .string(kind)), ("queue", .string(queue)),
                ("priority", .string(priority.description)),
                ("subject", JSONText(subject)), ("limit_key", JSONText(limitKey)), ("run", JSONText(run)),
                ("failures", JSONText(failures)), ("worker_deaths", JSONText(workerDeaths)),
                ("worker", JSONText(worker)), ("phase", JSONText(phase)),
                ("done", JSONText(done)), ("total", JSONText(total)), ("parent", JSONText(parent)),
                ("children_left", JSONText(childrenLeft)), ("created_at", JSONText(createdAt)),
                ("due_at", JSONText(dueAt)), ("started_at", JSONText(startedAt)),
                ("ended_at", JSONText(endedAt)),
            ] + content)
    }
}
