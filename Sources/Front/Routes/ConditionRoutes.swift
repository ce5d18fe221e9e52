internal import HTTPServer
internal import Jobs
internal import Platform
internal import Store

/// How it stands with what was asked for, by kind and subject.
package enum ConditionRoutes {
    package static let all = [show]

    static let subjectsMax = 100

    private static let show = Route(
        .get, "/conditions", role: .reader, admitsMoney: true, limit: .read, group: "Conditions",
        summary: "Tell how it stands with one subject of a kind, or with many",
        about: """
            Whoever was never asked for is `absent`: that is an answer and no error. `reason` says exactly why a job does \
            not run yet, or why the last one failed; `estimate_seconds` is how long it may take until it is done, as the \
            workers' pace has it lately, and null when nobody knows. What the caller may not see is `absent` too, and the \
            reason of a failure is told to those that may see errors.
            """,
        parameters: [
            .init("kind", in: .query, required: true, "the kind of job", .words(64)),
            .init(
                "subject", in: .query, required: true,
                "whom or what it is about; up to \(subjectsMax) of them",
                .array(of: .words(512), count: 1...subjectsMax)),
        ],
        answers: [
            .init(200, "one condition for each subject, in the order of the question", .named("Conditions"))
        ]
    ) { exchange in
        guard let kind = try exchange.query.one("kind") else {
            throw Problem.badRequest("kind is empty", field: "kind")
        }
        let subjects = exchange.query.all("subject")
        guard (1...subjectsMax).contains(subjects.count) else {
            throw Problem.badRequest(
                "subject: expected 1 to \(subjectsMax) of them, found \(subjects.count)", field: "subject")
        }
        var found: [Condition] = []
        if subjects.count == 1 {
            let question = Question(kind: kind, subject: subjects[0])
            found = try await exchange.front.conditions.value(of: question).map { [$0] } ?? []
        } else {
            found = try await exchange.store.conditions(kind: kind, subjects: subjects)
        }
        let bySubject = try await told(found, of: kind, to: exchange)
        let told = subjects.map { bySubject[$0] ?? absent($0) }
        return Reply.tagged(
            .object([("kind", .string(kind)), ("conditions", .array(told))]), for: exchange.request)
    }

    /// Of these conditions those that the caller may see, each as far as it may.
    private static func told(_ found: [Condition], of kind: String, to exchange: Exchange) async throws
        -> [String:
        JSONText]
    {
        let caller = exchange.caller
        let policy = try await exchange.front.policies(of: [kind])[kind]?.callers ?? CallerPolicy()
        let questions = found.map { JobQuestion($0.job, by: caller.askerName) }
        let concerns = try await exchange.store.concerns(of: questions)
        var told: [String: JSONText] = [:]
        for (condition, question) in zip(found, questions) {
            let access = JobAccess.of(
                caller, kind: kind, seenBy: policy.seenBy, concern: concerns[question] ?? .none)
            guard access.sight != .hidden else { continue }
            told[condition.subject] = json(condition, hidesError: access.sight != .whole)
        }
        return told
    }

    /// What most clients ask for: one subject of a kind.
    struct Question: Hashable, Sendable {
        let kind: String
        let subject: String
    }

    /// The answers to questions of many clients, a statement for each kind.
    static func answers(to questions: [Question], from store: Store) async throws -> [Question: Condition] {
        var answers: [Question: Condition] = [:]
        for (kind, asked) in Dictionary(grouping: questions, by: \.kind) {
            for found in try await store.conditions(kind: kind, subjects: asked.map(\.subject)) {
                answers[Question(kind: kind, subject: found.subject)] = found
            }
        }
        return answers
    }

    private static func json(_ it: Condition, hidesError: Bool) -> JSONText {
        // Why a live job does not run is no secret; why one failed is its error.
        let reason = hidesError && it.settledAt != nil ? nil : it.reason
        return .object([
            ("subject", .string(it.subject)), ("condition", .string(it.word)),
            ("number", JSONText(it.number)),
            ("job", JSONText(it.job)), ("reason", JSONText(reason)), ("phase", JSONText(it.phase)),
            ("done", JSONText(it.done)), ("total", JSONText(it.total)), ("ahead", JSONText(it.ahead)),
            ("estimate_seconds", JSONText(it.estimate)), ("again", .bool(it.isAgain)),
            ("failures_in_a_row", JSONText(it.failuresInARow)), ("asked_at", JSONText(it.askedAt)),
            ("settled_at", JSONText(it.settledAt)),
        ])
    }

    private static func absent(_ subject: String) -> JSONText {
        let nulls = [
            "number", "job", "reason", "phase", "done", "total", "ahead", "estimate_seconds",
        ].map { ($0, JSONText.null) }
        return .object(
            [("subject", .string(subject)), ("condition", "absent")] + nulls + [
                ("again", false), ("failures_in_a_row", 0), ("asked_at", .null), ("settled_at", .null),
            ])
    }
}
