internal import HTTPServer
internal import Jobs
internal import Platform
internal import Postgres
internal import Store

/// Lines of the schedule: when they fire, and what became of their slots.
enum SchedulesPage {
    static let slotsShown = 50
    static let linesMax = 500

    static func show(_ exchange: DeskExchange) async throws -> Response {
        let visitor = try await exchange.visitor()
        var sheet = Sheet(
            "Schedules",
            [
                .text("Line"), .text("When"), .text("State"), .text("Kind"), .text("Next slot"),
                .text("Last slot"), .number("Late by"), .deeds,
            ])
        let lines = try await exchange.store.schedules(most: linesMax)
        let more = try await exchange.store.scheduleCount() - lines.count
        for line in lines {
            sheet.add([
                "<a href=\"\(DeskPath("schedules", line.name))\"><bdi>\(line.name)</bdi></a>",
                "<code>\(line.expression)</code><span class=\"sub\">\(line.zone)</span>", state(line),
                "<bdi>\(line.kind)</bdi>\(line.subject.map { "<span class=\"sub\">\(Told.title($0))</span>" as Markup })",
                next(line), last(line.last), Told.optional(line.last.map { Told.span($0.lateness) }),
                deeds(line, visitor),
            ])
        }
        let body: Markup = """
            <h1>Schedules</h1>
            <p class="lead">Every line fires each of its slots once, however many processes run. Lateness is from the slot to its decision.</p>
            \(sheet.markup(empty: "No line was ever published. They stand in <code>scheduler.conf</code>."))
            \(more <= 0 ? Markup.none : "<p class=\"pages\">and \(Told.number(more)) more.</p>" as Markup)
            """
        var page = DeskPage(title: "Schedules", section: .schedules, body: body)
        try await page.addressed(to: exchange)
        return page.response()
    }

    private static func state(_ line: ScheduleReport) -> Markup {
        if line.goneAt != nil {
            return
                "<span class=\"state off\">gone</span><span class=\"sub\">\(Told.time(line.goneAt)): no process has it</span>"
        }
        guard line.pausedAt != nil else { return "<span class=\"state on\">going</span>" }
        return """
            <span class="state paused">paused</span><span class="sub">by <bdi>\(line.pausedBy ?? "an operator")</bdi>, \(Told.time(line.pausedAt))</span>
            """
    }

    private static func next(_ line: ScheduleReport) -> Markup {
        guard line.goneAt == nil, line.pausedAt == nil else { return Told.optional(nil) }
        return Told.time(line.nextSlot)
    }

    private static func last(_ slot: SlotReport?) -> Markup {
        guard let slot else { return "<span class=\"dim\">none yet</span>" }
        return "\(Told.time(slot.slot))<span class=\"sub\">\(outcome(slot))</span>"
    }

    private static func outcome(_ slot: SlotReport) -> Markup {
        let hand = slot.isManual ? " by hand" : ""
        let job = slot.job.map { ": <a href=\"\(DeskPath("jobs", $0.description))\">job \($0)</a>" as Markup }
        let why = slot.why.map { ", \(Told.title($0, max: 120))" as Markup }
        return "\(slot.outcome.rawValue)\(hand)\(job)\(why)"
    }

    private static func deeds(_ line: ScheduleReport, _ visitor: Visitor) -> Markup {
        let run = visitor.button(
            "Run now", to: DeskPath("schedules", line.name, "run"), about: "Once more, outside its plan")
        let turn =
            line.pausedAt == nil
            ? visitor.button(
                "Pause", to: DeskPath("schedules", line.name, "pause"),
                about: "Its slots pass, told as skipped")
            : visitor.button("Resume", to: DeskPath("schedules", line.name, "resume"), look: .main)
        return "\(run) \(turn)"
    }

    static func one(_ exchange: DeskExchange) async throws -> Response {
        let line = try await known(exchange)
        let visitor = try await exchange.visitor()
        let before = try exchange.query.number("before", in: 1...Int.max).map {
            PostgresTimestamp(microseconds: Int64($0))
        }
        let slots = try await exchange.store.slots(of: line.name, before: before, limit: slotsShown + 1)
        var sheet = Sheet(
            "Slots", [.text("Slot"), .text("What became of it"), .text("Decided"), .number("Late by")])
        for slot in slots.prefix(slotsShown) {
            sheet.add([
                "\(Told.instant(slot.slot))", outcome(slot), Told.time(slot.decidedAt),
                "\(Told.span(slot.lateness))",
            ])
        }
        let older: Markup? =
            slots.count > slotsShown
            ? """
            <p class="pages"><a class="button" href="\(DeskPath("schedules", line.name, query: [("before", String(slots[slotsShown - 1].slot.microseconds))]))">Older</a></p>
            """ : nil
        let body: Markup = """
            <div class="head"><h1>Line \(line.name)</h1><div class="acts">\(deeds(line, visitor))</div></div>
            <p class="lead">\(state(line))</p>
            <dl class="facts">
            <dt>When</dt><dd><code>\(line.expression)</code> in \(line.zone)</dd>
            <dt>Next slot</dt><dd>\(next(line))</dd>
            <dt>Last fired</dt><dd>\(Told.time(line.lastFiredAt))</dd>
            <dt>Kind</dt><dd><bdi>\(line.kind)</bdi></dd>
            <dt>Subject</dt><dd>\(Told.optional(line.subject))</dd>
            <dt>When it overlaps</dt><dd>\(line.overlap)</dd>
            <dt>Missed slots</dt><dd>\(line.missed)</dd>
            <dt>Jitter</dt><dd>\(line.jitter > .zero ? Told.span(line.jitter) : "none")</dd>
            <dt>Arguments</dt><dd>\(line.args.description)</dd>
            </dl>
            <h2>Its slots</h2>
            \(sheet.markup(empty: "No slot of it was decided yet."))
            \(older)
            """
        var page = DeskPage(title: "Line \(line.name)", section: .schedules, body: body)
        try await page.addressed(to: exchange)
        return page.response()
    }

    static func known(_ exchange: DeskExchange) async throws -> ScheduleReport {
        let name = exchange["name"]
        guard let line = try await exchange.store.schedule(named: name) else {
            throw Problem.notFound("no line of the schedule is called “\(name.prefix(60))”")
        }
        return line
    }

    /// To run a line by hand is to ask for its kind: the schedule alone does so for money.
    static func refuseMoney(_ line: ScheduleReport, _ exchange: DeskExchange) async throws {
        guard let policy = try await exchange.store.kindPolicies(of: [line.kind]).first,
            policy.callers.seenBy == .money
        else { return }
        throw Problem(
            403, "kind_forbidden",
            "\(exchange.caller.name) may not ask for the kind \(line.kind): it needs the role money"
        ).with("kind", .string(line.kind)).with("role", "money")
    }

    static func run(_ exchange: DeskExchange) async throws -> Response {
        let line = try await known(exchange)
        try await exchange.guardForm()
        try await refuseMoney(line, exchange)
        guard let job = try await exchange.store.runNow(schedule: line.name, by: exchange.actor) else {
            throw Problem.notFound("the line “\(line.name)” has gone")
        }
        return Reply.seeOther(
            DeskPath("jobs", job.description, query: [try await exchange.flash("queued")]).text)
    }

    static func pause(_ exchange: DeskExchange) async throws -> Response {
        let line = try await known(exchange)
        try await exchange.guardForm()
        let did = try await exchange.store.pause(schedule: line.name, by: exchange.actor) == true
        return Reply.seeOther(
            DeskPath(
                "schedules", line.name, query: [try await exchange.flash(did ? "line-paused" : "nothing")]
            ).text)
    }

    static func resume(_ exchange: DeskExchange) async throws -> Response {
        let line = try await known(exchange)
        try await exchange.guardForm()
        let did = try await exchange.store.resume(schedule: line.name, by: exchange.actor) == true
        return Reply.seeOther(
            DeskPath("schedules", line.name, query: [try await exchange.flash(did ? "resumed" : "nothing")])
                .text)
    }
}

extension DeskAPI {
    static func schedules(_ exchange: DeskExchange) async throws -> Response {
        let lines = try await exchange.store.schedules().map(\.json)
        return Reply.json(.object([("schedules", .array(lines))]))
    }

    static func slots(_ exchange: DeskExchange) async throws -> Response {
        let line = try await SchedulesPage.known(exchange)
        let slots = try await exchange.store.slots(of: line.name, limit: 200).map(\.json)
        return Reply.json(.object([("schedule", line.json), ("slots", .array(slots))]))
    }

    static func runLine(_ exchange: DeskExchange) async throws -> Response {
        try await refuseSessions(exchange)
        let line = try await SchedulesPage.known(exchange)
        try await SchedulesPage.refuseMoney(line, exchange)
        let job = try await exchange.store.runNow(schedule: line.name, by: exchange.actor)
        return Reply.json(.object([("job", JSONText(job))]))
    }

    static func pauseLine(_ exchange: DeskExchange) async throws -> Response {
        try await refuseSessions(exchange)
        let line = try await SchedulesPage.known(exchange)
        let did = try await exchange.store.pause(schedule: line.name, by: exchange.actor) == true
        return Reply.json(.object([("changed", .bool(did))]))
    }

    static func resumeLine(_ exchange: DeskExchange) async throws -> Response {
        try await refuseSessions(exchange)
        let line = try await SchedulesPage.known(exchange)
        let did = try await exchange.store.resume(schedule: line.name, by: exchange.actor) == true
        return Reply.json(.object([("changed", .bool(did))]))
    }
}
