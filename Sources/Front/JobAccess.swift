internal import HTTPServer
internal import Jobs
internal import Platform
internal import Store

/// How far a caller may look into a job, and whether it may call it off: the one table that every route asks.
struct JobAccess: Hashable, Sendable {
    enum Sight: Sendable {
        /// As if there were no such job.
        case hidden
        /// Where it stands, without args, meta, result and errors.
        case state
        case whole
    }

    let sight: Sight
    let mayCancel: Bool

    static let hidden = JobAccess(sight: .hidden, mayCancel: false)
    private static let state = JobAccess(sight: .state, mayCancel: false)
    private static let whole = JobAccess(sight: .whole, mayCancel: false)
    private static let owner = JobAccess(sight: .whole, mayCancel: true)

    /// - Parameter concern: of this very caller with the job.
    static func of(_ caller: Caller, kind: String, seenBy: SeenBy, concern: Concern) -> JobAccess {
        guard caller.knows(kind) else { return hidden }
        switch (caller.role, seenBy) {
        case (.money, .money): return owner
        case (.operator, .money): return state
        case (.money, _), (_, .money), (.anyone, _): return hidden
        case (.operator, _): return owner
        case (.producer, _) where concern == .made: return owner
        case (.producer, _) where concern == .joined: return whole
        case (.producer, .reader), (.reader, .reader): return whole
        case (.producer, .asker): return hidden
        case (.reader, .asker): return state
        }
    }

    /// - Throws: `Problem` 403 for a job that the caller sees and may not call off.
    func requireCancel(_ report: JobReport) throws(Problem) {
        guard !mayCancel else { return }
        throw report.seenBy == .money
            ? .moneyOnly(report)
            : Problem(
                403, "not_yours",
                "job \(report.id) was asked for by another caller: that caller and operators may cancel it")
    }
}

extension Problem {
    /// What an operator may not do to a job of a money kind.
    static func moneyOnly(_ report: JobReport) -> Problem {
        Problem(
            403, "money_only",
            "job \(report.id) is of the kind \(report.kind), which only the role money changes"
        ).with("kind", .string(report.kind))
    }
}

/// A job and how much of it its caller sees.
struct SeenJob {
    let report: JobReport
    let access: JobAccess

    var json: JSONText { report.json(hidesContent: access.sight != .whole) }
}

extension Caller {
    /// Whether its token is for this kind: one that names no kinds is for all.
    func knows(_ kind: String) -> Bool { kinds?.contains(kind) ?? true }

    /// Whether there is no job that is hidden from it.
    var seesEveryJob: Bool { role == .operator && kinds == nil }

    /// Under which name the ledger of askers knows it. `nil`: its sight does not depend on what it asked for.
    var askerName: String? { role == .producer ? name : nil }

    /// Which jobs a list tells it.
    var visibility: Visibility {
        switch role {
        case .operator: .all
        case .money: .moneyAlone
        case .producer: .caller(name)
        case .reader, .anyone: .withoutMoney
        }
    }

    /// The role that a kind's callers need, when this caller may not ask for it.
    func refusal(of policy: KindPolicy) -> Problem? {
        let need: String
        switch policy.callers.askedBy {
        case .nobody: need = "no caller may ask for it"
        case .money: need = "it needs the role money"
        case .operator: need = "it needs the role operator"
        case .producer: need = "it needs the role producer"
        }
        guard policy.callers.admits(role) else {
            return Problem(
                403, "kind_forbidden", "\(name) may not ask for the kind \(policy.kind): \(need)"
            ).with("field", "kind").with("kind", .string(policy.kind)).with(
                "role", policy.callers.role.map { .string($0.rawValue) } ?? .null)
        }
        guard knows(policy.kind) else {
            return Problem(
                403, "kind_forbidden",
                "the token \(name) may ask for \((kinds ?? []).sorted().joined(separator: ", ")) and not for the kind \(policy.kind)"
            ).with("field", "kind").with("kind", .string(policy.kind))
        }
        return nil
    }
}

extension CallerPolicy {
    /// The least role that may ask. `nil`: none.
    var role: Role? {
        switch askedBy {
        case .nobody: nil
        case .producer: .producer
        case .operator: .operator
        case .money: .money
        }
    }

    func admits(_ caller: Role) -> Bool { role.map { caller.suffices(for: $0) } ?? false }

    /// The first member of a job that its kind does not let callers choose.
    func unchoosable(_ job: NewJob) -> String? {
        let chosen: [(String, CallerChoice, Bool)] = [
            ("queue", .queue, job.queue != nil), ("priority", .priority, job.priority != nil),
            ("limit_key", .limitKey, job.limitKey != nil), ("delay", .runAt, job.delay != nil),
            ("run_at", .runAt, job.runAt != nil),
        ]
        return chosen.first { $0.2 && !mayChoose.contains($0.1) }?.0
    }
}

extension Exchange {
    /// Refuses jobs of kinds that the caller may not ask for, and what it may not choose. What is unknown is refused as
    /// well, so that no kind slips by that is published a moment later.
    /// - Throws: `Problem` 403, `StoreError.unknownKind`.
    func admit(_ jobs: [NewJob], isMany: Bool) async throws {
        let policies = try await front.policies(of: Set(jobs.map(\.kind)))
        for (index, job) in jobs.enumerated() {
            func told(_ problem: Problem) -> Problem {
                isMany ? problem.with("index", JSONText(index)) : problem
            }
            guard let policy = policies[job.kind] else {
                throw try await unknown(job.kind, isMany ? index : nil)
            }
            if let refusal = caller.refusal(of: policy) { throw told(refusal) }
            if let field = policy.callers.unchoosable(job) {
                throw told(
                    Problem(
                        403, "not_yours_to_choose",
                        "\(field): callers may not choose it for the kind \(job.kind); leave it out"
                    ).with("field", .string(field)).with("kind", .string(job.kind)))
            }
        }
    }

    /// Names the kinds that this caller may ask for.
    private func unknown(_ kind: String, _ index: Int?) async throws -> StoreError {
        let known = try await front.kinds.value().filter { caller.refusal(of: $0) == nil }.map(\.kind)
        let list = known.isEmpty ? "none that \(caller.name) may ask for" : known.joined(separator: ", ")
        return .unknownKind("no kind is called “\(kind)”", hint: "The kinds are: \(list).", index: index)
    }

    /// What the caller sees of a report that was made for it.
    func seeing(_ report: JobReport) -> SeenJob {
        SeenJob(
            report: report,
            access: .of(caller, kind: report.kind, seenBy: report.seenBy, concern: report.concern))
    }

    /// The job, as far as the caller sees it. `nil`: there is none, or it is hidden.
    func look(at job: JobID) async throws -> SeenJob? {
        guard let report = try await front.jobs.value(of: JobQuestion(job, by: caller.askerName)) else {
            return nil
        }
        let seen = seeing(report)
        return seen.access.sight == .hidden ? nil : seen
    }
}

extension Front {
    /// The policies of these kinds, at most as old as the cache; a kind that it lacks is looked up at once. A kind that is
    /// unknown is missing.
    func policies(of kinds: Set<String>) async throws -> [String: KindPolicy] {
        let cached = try await self.kinds.value()
        var found = Dictionary(uniqueKeysWithValues: cached.map { ($0.kind, $0) })
        let missing = kinds.filter { found[$0] == nil }
        if !missing.isEmpty {
            for policy in try await store.kindPolicies(of: Array(missing)) { found[policy.kind] = policy }
        }
        return found
    }
}
