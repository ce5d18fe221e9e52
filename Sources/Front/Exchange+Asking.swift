package import Jobs
internal import Store

/// What handlers of a served system ask of the queue in a caller's name.
extension Exchange {
    /// Puts a job in line in the caller's name, whatever its kind says of callers: code asks. The caller sees the job, and
    /// may not cancel it. Callers without a token share a backlog.
    /// - Throws: `Problem` 503 when that is full; as `Store.enqueue`.
    package func ask(_ job: NewJob) async throws -> Enqueued {
        if caller.isAnonymous { try await front.guests.admit(1) }
        let asker = Asker(
            scope: "http \(caller.name)", key: nil, body: [], isGuest: caller.isAnonymous,
            caller: caller.name,
            owns: false)
        guard let answer = try await store.enqueue([job], for: asker).first else {
            throw StoreError.badRequest("one job was asked for, and none was answered")
        }
        note(answer.job)
        return answer
    }

    /// Waits until a job has left the hot table, at most so long.
    /// - Returns: whether it has.
    /// - Throws: `Problem` 503 when too many wait; `CancellationError`.
    package func hasEnded(_ job: JobID, within limit: Duration) async throws -> Bool {
        guard !front.isDraining else { return false }
        // Whoever waits is not being answered.
        front.requests.leave()
        defer { front.requests.comeBack() }
        if case .left = try await front.watcher.watch(job, for: limit) { return true }
        return false
    }
}
