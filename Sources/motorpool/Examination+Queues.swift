internal import Jobs
internal import Postgres
internal import Store

/// What the doctor says of queues, of rows that name a job which is nowhere, and of the role's privileges.
extension Examination {
    /// Of each sort so many are listed by name.
    private static let most = 20

    func workers() async throws -> [Finding] {
        let (workers, more) = try await store.liveWorkers(most: Self.most)
        guard !workers.isEmpty else {
            return [Finding(.warning, "workers", "no worker lives: jobs wait until one is started")]
        }
        return workers.map { worker in
            let state =
                worker.isDraining ? "drains" : "works on \(Listing.names(worker.queues, most: Self.most))"
            return Finding(
                .fine, "workers",
                "worker \(worker.id) (\(worker.name)) \(state), for \(worker.age.roughly); its lease lives \(worker.leaseLeft.roughly) more"
            )
        } + rest(more, .fine, "workers", "workers")
    }

    func unworked() async throws -> [Finding] {
        let (all, more) = try await store.unworked(most: Self.most)
        guard !all.isEmpty else {
            return [Finding(.fine, "homeless", "every queue and kind with waiting jobs has a live worker")]
        }
        return all.map { jobs in
            let count = jobs.count == 1 ? "1 job waits" : "\(jobs.count) or more jobs wait"
            guard let kind = jobs.kind else {
                return Finding(
                    .warning, "homeless",
                    "no live worker takes jobs from queue \(jobs.queue), where \(count): start a worker for it, or cancel them"
                )
            }
            return Finding(
                .warning, "homeless",
                "no live worker of queue \(jobs.queue) knows the kind \(kind), of which \(count)")
        } + rest(more, .warning, "homeless", "queues and kinds without a live worker")
    }

    func pausedQueues() async throws -> [Finding] {
        let (paused, more) = try await store.pausedQueues(most: Self.most)
        guard !paused.isEmpty else { return [Finding(.fine, "queues", "no queue is paused")] }
        return paused.map { queue, by, since in
            Finding(
                .warning, "queues",
                "the queue \(queue) is paused by \(by ?? "an operator") since \(since.iso8601)")
        } + rest(more, .warning, "queues", "paused queues")
    }

    /// Subjects and keys whose job's row was removed by hand.
    func lostReferences() async throws -> [Finding] {
        let lost = try await store.lostReferences(most: 5)
        var findings: [Finding] = []
        if lost.subjects.isEmpty {
            findings.append(Finding(.fine, "lost", "the job of every live subject is there"))
        } else {
            let list = lost.subjects.map { "\($0.kind) \($0.subject) (job \($0.job))" }
            findings.append(
                Finding(
                    .warning, "lost",
                    "live subjects whose jobs were removed by hand: \(Listing.names(list, more: lost.subjectsMore)); retention ends them within minutes while a worker lives"
                ))
        }
        if lost.keys > 0 {
            findings.append(
                Finding(
                    .fine, "lost",
                    "\(lost.keys) idempotency keys answer with jobs that are in no table any more: they were removed by hand, or joined by a kind without history. Retention forgets the keys; until then another key asks anew"
                ))
        }
        return findings
    }

    /// What the role of this connection may not do, as GRANT would say it.
    func privileges() async throws -> [Finding] {
        let (role, missing) = try await store.missingPrivileges()
        let findings = missing.map { one in
            let grant = "GRANT \(one.privileges) ON \(one.objects) TO \(role)"
            return one.isOptional
                ? Finding(
                    .warning, "grants",
                    "retention deletes rows of the history, which costs vacuum, where it may not TRUNCATE: \(grant)"
                )
                : Finding(.bad, "grants", "a worker needs: \(grant)")
        }
        guard findings.isEmpty else { return findings }
        return [Finding(.fine, "grants", "this role may do all that a worker does")]
    }

    private func rest(_ more: Int, _ level: Finding.Level, _ topic: String, _ what: String) -> [Finding] {
        more == 0 ? [] : [Finding(level, topic, "and \(more) more \(what)")]
    }
}
