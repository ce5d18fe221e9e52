package import Jobs
internal import Postgres

extension ScheduleReport {
    /// The line as the API and the command line tell it, all members always there.
    package var json: JSONText {
        .object([
            ("name", .string(name)), ("expression", .string(expression)), ("zone", .string(zone)),
            ("kind", .string(kind)), ("subject", JSONText(subject)), ("args", JSONText(args)),
            ("overlap", .string(overlap)), ("missed", .string(missed)), ("jitter_seconds", JSONText(jitter)),
            ("published_at", JSONText(publishedAt)), ("gone_at", JSONText(goneAt)),
            ("paused_at", JSONText(pausedAt)), ("paused_by", JSONText(pausedBy)),
            ("next_slot", JSONText(nextSlot)), ("last_fired_at", JSONText(lastFiredAt)),
            ("last", last?.json ?? .null),
        ])
    }

    /// Reads what `json` writes; `nil` without a name. What is missing counts as null.
    package init?(_ part: JSONPart) {
        func text(_ name: String) -> String? { part[name]?.string }
        func time(_ name: String) -> PostgresTimestamp? {
            text(name).flatMap { PostgresTimestamp(iso8601: $0) }
        }
        guard let name = text("name") else { return nil }
        let jitter = part["jitter_seconds"].flatMap { Double($0.json.description) } ?? 0
        self.init(
            name: name, expression: text("expression") ?? "", zone: text("zone") ?? "",
            kind: text("kind") ?? "",
            subject: text("subject"), args: part["args"]?.json ?? .emptyObject,
            overlap: text("overlap") ?? "",
            missed: text("missed") ?? "", jitter: .seconds(jitter),
            publishedAt: time("published_at") ?? PostgresTimestamp(microseconds: 0), goneAt: time("gone_at"),
            pausedAt: time("paused_at"), pausedBy: text("paused_by"), nextSlot: time("next_slot"),
            last: part["last"].flatMap { SlotReport($0) }, lastFiredAt: time("last_fired_at"))
    }
}

extension SlotReport {
    /// The slot as the API and the command line tell it, all members always there.
    package var json: JSONText {
        .object([
            ("slot", JSONText(slot)), ("planned", JSONText(planned)), ("decided_at", JSONText(decidedAt)),
            ("lateness_seconds", JSONText(lateness)), ("outcome", .string(outcome.rawValue)),
            ("manual", .bool(isManual)), ("job", JSONText(job)), ("why", JSONText(why)),
        ])
    }

    /// Reads what `json` writes; `nil` without slot, decision and outcome.
    package init?(_ part: JSONPart) {
        func time(_ name: String) -> PostgresTimestamp? {
            part[name]?.string.flatMap { PostgresTimestamp(iso8601: $0) }
        }
        guard let slot = time("slot"), let decidedAt = time("decided_at"),
            let outcome = part["outcome"]?.string.flatMap({ SlotOutcome(rawValue: $0) })
        else { return nil }
        let isManual = if case .bool(true)? = part["manual"]?.value { true } else { false }
        self.init(
            slot: slot, planned: time("planned") ?? slot, decidedAt: decidedAt, outcome: outcome,
            isManual: isManual, job: part["job"].flatMap { Int64($0.json.description) }.map { JobID($0) },
            why: part["why"]?.string)
    }
}
