internal import Jobs
internal import Platform
internal import Store

extension Pool {
    /// The job is no longer this worker's: a buffered one never starts, a running one's task is cancelled.
    /// - Returns: whether it was held here.
    @discardableResult
    func end(_ job: JobID, run: Int32? = nil, as ending: Ending) -> Bool {
        let (isHeld, task) = state.withLock { state -> (Bool, Task<Void, Never>?) in
            guard let held = state.held[job], run == nil || run == held else { return (false, nil) }
            let lane = state.lanes.first { $0.value.running?.job.id == job }?.key
            guard let lane else {
                // Buffered, or settled and unanswered: without its token no lane starts it.
                state.held[job] = nil
                return (true, nil)
            }
            return (true, markEnding(lane, as: ending, &state))
        }
        task?.cancel()
        return isHeld
    }

    /// Tells every run to end, and empties the buffer.
    /// - Returns: the tokens of buffered jobs.
    func endAll(as ending: Ending) -> [RunToken] {
        let (buffered, tasks) = state.withLock { state -> ([RunToken], [Task<Void, Never>]) in
            let buffered = clearBuffer(&state)
            return (buffered, state.lanes.keys.compactMap { markEnding($0, as: ending, &state) })
        }
        for task in tasks { task.cancel() }
        return buffered
    }

    private func markEnding(_ lane: Int, as ending: Ending, _ state: inout State) -> Task<Void, Never>? {
        guard let running = state.lanes[lane]?.running, running.ending == nil else { return nil }
        state.lanes[lane]?.running?.ending = ending
        state.lanes[lane]?.running?.endingAt = .now
        return state.lanes[lane]?.task
    }

    func clearBuffer(_ state: inout State) -> [RunToken] {
        let tokens = state.buffer[state.bufferHead...].map(\.job.token).filter {
            state.held[$0.job] == $0.run
        }
        for token in tokens { state.held[token.job] = nil }
        state.buffer = []
        state.bufferHead = 0
        return tokens
    }

    /// Takes out jobs that were buffered for too long: to be handed back.
    func takeStale() -> [RunToken] {
        state.withLock { state in
            guard state.bufferHead < state.buffer.count,
                ContinuousClock.now - state.buffer[state.bufferHead].arrived > Pool.bufferedMax
            else {
                openLanes(&state)
                return []
            }
            state.meanSeconds = nil
            return clearBuffer(&state)
        }
    }

    /// A run that was given up: it goes on, and nobody waits for it any more.
    struct GivenUp: Sendable {
        let job: ClaimedJob
        let seconds: Duration
        /// Over its time limit, and so this worker's to settle; the others were cancelled or lost.
        let isOverLimit: Bool
    }

    /// Ends runs that are over their time limit, and gives up runs that ignore that they were told to end.
    func giveUpStuck() -> [GivenUp] {
        let now = ContinuousClock.now
        var tasks: [Task<Void, Never>] = []
        let found = state.withLock { state -> [GivenUp] in
            var givenUp: [GivenUp] = []
            for (lane, place) in state.lanes {
                guard let running = place.running, !place.isAbandoned else { continue }
                if let endingAt = running.endingAt, running.ending != .drained,
                    now - endingAt > Pool.abandonAfter
                {
                    state.lanes[lane]?.isAbandoned = true
                    state.busy -= 1
                    let isOverLimit = running.ending == .timeLimit
                    // Cancelled or rescued: it is no longer ours to settle, but its lane is.
                    if !isOverLimit { state.held[running.job.id] = nil }
                    givenUp.append(
                        GivenUp(job: running.job, seconds: now - running.began, isOverLimit: isOverLimit))
                } else if running.ending == nil, now - running.began > running.timeLimit {
                    if let task = markEnding(lane, as: .timeLimit, &state) { tasks.append(task) }
                }
            }
            if !givenUp.isEmpty { openLanes(&state) }
            return givenUp
        }
        for task in tasks { task.cancel() }
        for one in found where one.isOverLimit { settle(givenUp: one.job) }
        if !found.isEmpty { claimAlarm.sound() }
        return found
    }

    /// Settles an abandoned run as a failure; what it may still bring is dropped.
    private func settle(givenUp job: ClaimedJob) {
        let error = "it ran on long after its time limit of \(work.timeLimit(job).text), and was given up"
        switch work.judge(job, .fail(error: error), nil, work.timeLimit(job)) {
        case .other(let other): add(other)
        case .plain, .dropped, .handBack: break
        }
    }

    /// What doesn't end: lanes whose run was given up, and lanes whose run holds its thread.
    func stuck(_ holders: RunThreads.Holders) -> [StuckRun] {
        let now = ContinuousClock.now
        return state.withLock { state in
            state.lanes.values.compactMap { lane in
                guard let running = lane.running, lane.isAbandoned || holders[lane.executor] != nil else {
                    return nil
                }
                return StuckRun(
                    token: running.job.token, kind: running.job.kind, queue: name,
                    seconds: now - running.began, isLost: lane.isAbandoned,
                    isHoldingThread: holders[lane.executor] != nil)
            }
        }
    }
}
