internal import Jobs
internal import Store

/// The named forms of `/openapi.json`.
enum Schemas {
    /// - Parameter kinds: what may be asked for; empty while nobody has published anything.
    static func all(kinds: [String]) -> [(String, Schema)] {
        [
            ("NewJob", newJob(kinds)), ("Job", .object(job, required: job.map(\.0))),
            ("AcceptedJob", .object([("verdict", verdict)] + job, required: ["verdict"] + job.map(\.0))),
            ("AcceptedJobs", acceptedJobs),
            (
                "Jobs",
                .object(
                    [("jobs", .array(of: .named("Job"))), ("next_before", integer.orNull)],
                    required: ["jobs", "next_before"])
            ),
            ("Cancelled", cancelled), ("Conditions", conditions), ("Health", health),
            (
                "Liveness",
                .object(
                    [("status", .oneOf(["ok"])), ("words", .array(of: text))], required: ["status"])
            ),
            (
                "Readiness",
                .object(
                    [("status", .oneOf(["ok"])), ("warnings", .array(of: text))],
                    required: ["status", "warnings"])
            ), ("Problem", problem),
        ]
    }

    private static let text = Schema.string()
    private static let integer = Schema.integer()
    private static let instant = Schema([("type", "string"), ("format", "date-time")])
    private static let states = ToldState.allCases.map(\.rawValue)
    private static let priorities = Priority.allCases.map(\.description)
    private static let verdict = Schema.oneOf(Enqueued.Verdict.allCases.map(\.rawValue))
    private static func newJob(_ kinds: [String]) -> Schema {
        let name = Schema.string(length: 1...Bounds.nameBytesMax, pattern: "^[a-z0-9_-]+$")
        return .object(
            [
                ("kind", kinds.isEmpty ? name : .oneOf(kinds)),
                (
                    "args",
                    .anything.described(
                        "what the kind is given; an empty object unless said. At most \(Bounds.argsBytesMax) bytes as jsonb writes them"
                    )
                ),
                (
                    "subject",
                    Schema.words(Bounds.subjectBytesMax).orNull.described(
                        "whom or what it is about: at most one live job a kind and subject")
                ),
                ("queue", name.orNull.described("another line than the kind's")),
                (
                    "limit_key",
                    Schema.string(length: 0...Bounds.subjectBytesMax, pattern: "^[^\\u0000]*$").orNull
                        .described("what the kind's limits a key count by")
                ),
                ("priority", Schema.oneOf(priorities).orNull),
                (
                    "delay",
                    Schema.either([
                        .string(pattern: "^([0-9]+(ms|s|m|h|d))+$"),
                        Schema([("type", "number"), ("minimum", 0), ("maximum", 315_576_000)]),
                    ]).orNull.described("not before so long from now: “10s”, “1h30m”, or seconds")
                ),
                (
                    "run_at",
                    instant.orNull.described(
                        "not before this instant, at most ten years from now; instead of delay")
                ),
                ("attempts", Schema.integer(1...1000).orNull.described("another number than the kind's")),
                (
                    "key",
                    Schema.words(Bounds.keyBytesMax).orNull.described(
                        "like Idempotency-Key, for one job of an array")
                ),
                ("meta", Schema([("type", "object")]).orNull.described("passed along untouched")),
            ], required: ["kind"]
        ).butNot(together: [["run_at", "delay"]])
    }

    /// Every member is always there.
    private static let job: [(String, Schema)] = [
        ("id", integer), ("state", .oneOf(states)), ("reason", text.orNull), ("kind", text), ("queue", text),
        ("priority", .oneOf(priorities)), ("subject", text.orNull), ("limit_key", text.orNull),
        ("run", integer),
        ("failures", integer), ("worker_deaths", integer), ("worker", text.orNull), ("phase", text.orNull),
        ("done", integer.orNull),
        ("total", integer.orNull), ("parent", integer.orNull), ("children_left", integer.orNull),
        ("created_at", instant), ("due_at", instant.orNull), ("started_at", instant.orNull),
        ("ended_at", instant.orNull),
        ("args", .anything), ("meta", Schema([("type", .array(["object", "null"]))])), ("result", .anything),
        ("errors", Schema.array(of: Schema([("type", "object")])).orNull),
    ]

    private static let acceptedJobs = Schema.object(
        [
            (
                "jobs",
                .array(
                    of: .object(
                        [
                            ("id", integer), ("verdict", verdict), ("accepted", .boolean),
                            ("cools_for_seconds", Schema.number.orNull),
                        ],
                        required: ["id", "verdict", "accepted", "cools_for_seconds"]))
            )
        ], required: ["jobs"])

    private static let cancelled = Schema.object(
        [("id", integer), ("state", .oneOf(["cancelled"])), ("may_have_started", Schema.boolean.orNull)],
        required: ["id", "state", "may_have_started"])

    private static let conditions: Schema = {
        let words = ["absent", "queued", "working", "ready", "failed", "cancelled"]
        let condition: [(String, Schema)] = [
            ("subject", text), ("condition", .oneOf(words)), ("number", Schema.integer(0...3).orNull),
            ("job", integer.orNull),
            ("reason", text.orNull), ("phase", text.orNull), ("done", integer.orNull),
            ("total", integer.orNull),
            ("ahead", Schema.integer(0...Store.aheadMax).orNull), ("estimate_seconds", Schema.number.orNull),
            ("again", .boolean), ("failures_in_a_row", integer), ("asked_at", instant.orNull),
            ("settled_at", instant.orNull),
        ]
        return .object(
            [("kind", text), ("conditions", .array(of: .object(condition, required: condition.map(\.0))))],
            required: ["kind", "conditions"])
    }()

    private static let health = Schema.object(
        [("status", .oneOf(["ok"])), ("service", .oneOf(["motorpool"])), ("version", text)],
        required: ["status", "service"])

    private static let problem = Schema([
        ("type", "object"),
        (
            "properties",
            .object([
                (
                    "error",
                    .object([
                        ("type", "object"),
                        (
                            "properties",
                            .object([
                                ("code", text.described("a word for programs").text),
                                ("message", text.described("what was expected, for people").text),
                                ("request_id", text.text),
                                ("field", text.described("the member that is at fault").text),
                                ("index", integer.described("which job of an array, counted from 0").text),
                                ("job", integer.described("the job that is in the way").text),
                                ("state", text.text),
                            ])
                        ), ("required", .array(["code", "message"])),
                    ])
                )
            ])
        ), ("required", .array(["error"])),
    ])
}

extension Schema {
    /// Text without NUL, because PostgreSQL stores none.
    static func words(_ count: Int) -> Schema { .string(length: 1...count, pattern: "^[^\\u0000]*$") }

    /// The same, without these members beside each other.
    func butNot(together sets: [[String]]) -> Schema {
        guard case .object(let members) = text else { return self }
        let both = sets.map { JSONText.object([("required", .array($0.map { .string($0) }))]) }
        return Schema(members + [("not", .object([("anyOf", .array(both))]))])
    }

    /// The same with a sentence for people.
    func described(_ sentence: String) -> Schema {
        guard case .object(let members) = text else { return self }
        return Schema(members + [("description", .string(sentence))])
    }
}
