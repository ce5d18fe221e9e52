internal import Jobs
internal import Postgres
internal import Store

/// Lists the lines of the schedule as the database knows them.
enum ScheduleListCommand: Command {
    static let name = "schedule list"
    static let summary = "List the schedule: next and last slots, lateness, what is paused"
    static let operands = [Operand("NAME", isRequired: false)]
    static let settings: Set<Setting.Group> = [.database, .remote]
    static let limit = Flag("--limit", "N", "With a NAME: at most so many slots of its ledger; default 20")
    static let flags: [Flag] = [limit, .json]
    static let notes = "With a NAME: its ledger, newest first: what became of each slot, and why."

    static func run(_ call: Invocation) async throws -> ExitCode {
        let limit = try call.whole(limit, in: 1...1000) ?? 20
        try await Workplace.withDoor(call) { door in
            guard let name = call.operands.first else { return list(try await door.schedules(), call) }
            guard let slots = try await door.slots(of: name, limit: limit) else {
                throw unknown(name, try await door.schedules().map(\.name))
            }
            ledger(slots, call)
        }
        return .ok
    }

    static func unknown(_ name: String, _ names: [String]) -> Refusal {
        Refusal(
            "no line of the schedule is called “\(name)”; the lines are \(Listing.names(names))"
        )
    }

    private static func list(_ schedules: [ScheduleReport], _ call: Invocation) {
        if call.has(.json) {
            for schedule in schedules { Console.print(schedule.json.text) }
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
            for slot in slots { Console.print(slot.json.text) }
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
