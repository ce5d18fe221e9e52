package import Jobs
internal import Postgres

extension JobReport {
    /// Reads what `json` writes. A member that is missing counts as null: a front leaves out what its caller may not see,
    /// and an older one what it does not know.
    ///
    /// `nil` when it does not say which job it is of what kind and state.
    package init?(_ part: JSONPart) {
        func whole(_ name: String) -> Int64? { part[name].flatMap { Int64($0.json.description) } }
        func text(_ name: String) -> String? { part[name]?.string }
        func time(_ name: String) -> PostgresTimestamp? {
            text(name).flatMap { PostgresTimestamp(iso8601: $0) }
        }
        func json(_ name: String) -> JSON? {
            guard let part = part[name], !part.isNull else { return nil }
            return part.json
        }
        guard let id = whole("id"), let kind = text("kind"), let told = text("state"),
            let state = ToldState(rawValue: told)
        else { return nil }
        self.init(
            id: JobID(id), kind: kind, queue: text("queue") ?? "", state: state, reason: text("reason"),
            priority: text("priority").flatMap { Priority(text: $0) } ?? .normal,
            failures: Int(whole("failures") ?? 0), run: Int(whole("run") ?? 0), subject: text("subject"),
            limitKey: text("limit_key"), args: json("args") ?? .emptyObject, meta: json("meta"),
            result: json("result"), errors: json("errors"),
            createdAt: time("created_at") ?? PostgresTimestamp(microseconds: 0), dueAt: time("due_at"),
            startedAt: time("started_at"), endedAt: time("ended_at"), worker: text("worker"),
            phase: text("phase"), done: whole("done"), total: whole("total"),
            parent: whole("parent").map { JobID($0) }, childrenLeft: whole("children_left").map { Int($0) },
            workerDeaths: Int(whole("worker_deaths") ?? 0))
    }
}
