internal import Jobs
internal import Postgres
internal import Store

/// Lists the lines of the schedule as the database knows them.
enum ScheduleListCommand: Command {
    static let name = "schedule list"
    static let summary = "List the schedule: next and last slots, lateness, what is paused"
    static let operands = [Operand("NAME", isRequired: false)]
    static let settings: Set<Setting.Group> = [.database]
    static let limit = Flag("--limit", "N", "With a NAME: at most so many slots of its ledger; default 20")
    static let flags: [Flag] = [limit, .json]
    static let notes = "With a NAME: its ledger, newest first: what became of each slot, and why."

    static func run(_ call: Invocation) async throws -> ExitCode {
        let limit = try call.whole(limit, in: 1...1000) ?? 20
        try await Workplace.withStore(call) { store in
            guard let name = call.operands.first else { return list(try await store.schedules(), call) }
            try await requireSchedule(name, in: store)
            ledger(try await store.slots(of: name, limit: limit), call)
        }
        return .ok
    }

    /// - Throws: `Refusal` with the names that there are.
    static func requireSchedule(_ name: String, in store: Store) async throws {
        let names = try await store.schedules().map(\.name)
        guard !names.contains(name) else { return }
        throw unknown(name, names)
    }

    static func unknown(_ name: String, _ names: [String]) -> Refusal {
        Refusal(
            "no line of the schedule is called “\(name)”; the lines are \(names.isEmpty ? "none yet" : names.joined(separator: ", "))"
        )
    }

    private static func list(_ schedules: [ScheduleReport], _ call: Invocation) {
        if call.has(.json) {
            for schedule in schedules { Console.print(json(schedule).text) }
            return
        }
        guard !schedules.isEmpty else { return Console.print("no line of the schedule was ever published") }
        var table = Table(columns: [
            .left("NAME"), .left("WHEN"), .left("ZONE"), .left("NEXT"), .left("LAST"), .right("LATE"),
            .left("STATE"),
        ])
        for schedule in schedules {
            let isIdle = schedule.pausedAt != nil || schedule.goneAt != nil
            table.add([
                schedule.name, schedule.expression, schedule.zone, schedule.nextSlot?.short ?? "",
                schedule.last?.slot.short ?? "", schedule.last.map { $0.lateness.roughly } ?? "",
                state(schedule),
            ]) { column, text in column == 6 && isIdle ? Color.yellow(text) : text }
        }
        Console.print(table.text)
    }

    private static func state(_ schedule: ScheduleReport) -> String {
        var words: [String] = []
        if schedule.goneAt != nil { words.append("gone") }
        if schedule.pausedAt != nil { words.append("paused by \(schedule.pausedBy ?? "somebody")") }
        if let last = schedule.last {
            words.append(
                last.outcome == .fired
                    ? "fired job \(last.job?.description ?? "")"
                    : "\(last.outcome.rawValue): \(last.why ?? "")")
        }
        return words.joined(separator: ", ")
    }

    private static func ledger(_ slots: [SlotReport], _ call: Invocation) {
        if call.has(.json) {
            for slot in slots { Console.print(json(slot).text) }
            return
        }
        guard !slots.isEmpty else { return Console.print("no slot of it was ever decided") }
        var table = Table(columns: [
            .left("SLOT"), .right("LATE"), .left("OUTCOME"), .right("JOB"), .left("WHY"),
        ])
        for slot in slots {
            table.add([
                slot.slot.short, slot.lateness.roughly, slot.outcome.rawValue, slot.job?.description ?? "",
                slot.why ?? "",
            ])
        }
        Console.print(table.text)
    }

    private static func json(_ it: ScheduleReport) -> JSONText {
        .object([
            ("name", .string(it.name)), ("expression", .string(it.expression)), ("zone", .string(it.zone)),
            ("kind", .string(it.kind)), ("subject", JSONText(it.subject)), ("args", JSONText(it.args)),
            ("overlap", .string(it.overlap)), ("missed", .string(it.missed)), ("jitter", JSONText(it.jitter)),
            ("published_at", JSONText(it.publishedAt)), ("gone_at", JSONText(it.goneAt)),
            ("paused_at", JSONText(it.pausedAt)), ("paused_by", JSONText(it.pausedBy)),
            ("next_slot", JSONText(it.nextSlot)), ("last_fired_at", JSONText(it.lastFiredAt)),
            ("last", it.last.map(json) ?? .null),
        ])
    }

    private static func json(_ it: SlotReport) -> JSONText {
        .object([
            ("slot", JSONText(it.slot)), ("planned", JSONText(it.planned)),
            ("decided_at", JSONText(it.decidedAt)),
            ("lateness", JSONText(it.lateness)), ("outcome", .string(it.outcome.rawValue)),
            ("manual", .bool(it.isManual)), ("job", JSONText(it.job)), ("why", JSONText(it.why)),
        ])
    }
}

extension PostgresTimestamp {
    /// `2027-03-28 01:00Z`, with seconds where there are some.
    var short: String {
        let text = iso8601
        guard text.count > 20 else { return text }
        let length = text.prefix(19).hasSuffix(":00") ? 16 : 19
        return text.prefix(length).map { $0 == "T" ? " " : String($0) }.joined() + "Z"
    }
}
