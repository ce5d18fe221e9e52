internal import Jobs
internal import Platform
internal import Store

extension Pool {
    func openLanes(_ state: inout State) {
        let missing = min(state.lanesMax - state.openLanes, state.buffered)
        for _ in 0..<max(0, missing) {
            let lane = state.nextLane
            state.nextLane += 1
            let executor = LaneExecutor(on: threads)
            // A lane outlives the claim that opened it; `end…` and `close` end it.
            state.lanes[lane] = Lane(
                executor: executor,
                task: Task(executorPreference: executor) { await self.runLane(lane, on: executor) })
        }
    }

    private func runLane(_ lane: Int, on executor: LaneExecutor) async {
        var turnBegan = ContinuousClock.now
        while let job = await next(on: lane) {
            executor.beginRun()
            let isOurs = await isTrusted(job, on: lane)
            let began = ContinuousClock.now
            let outcome = isOurs ? await work.perform(job) : nil
            let now = ContinuousClock.now
            let wasEnded = ended(job, on: lane, outcome, took: now - began)
            // The mark counts, not the cancel of the task: that comes a moment later, and would hit the next run.
            if wasEnded || Task.isCancelled { break }
            // While its queue is full, a lane would never suspend, and others would never have its thread.
            if now - turnBegan > Pool.turnMax {
                if threads.isCrowded { await Task.yield() }
                turnBegan = now
            }
        }
        // A lane that was cancelled leaves its place to a new one.
        state.withLock { state in
            state.lanes[lane] = nil
            if !state.isClosed { openLanes(&state) }
        }
    }

    /// Whether a job may be started; one that waited in the buffer for long is looked up first.
    private func isTrusted(_ job: ClaimedJob, on lane: Int) async -> Bool {
        let arrived = state.withLock { $0.lanes[lane]?.running?.arrived }
        guard let arrived, ContinuousClock.now - arrived > Pool.trustSpan else { return true }
        let isClaimed = await work.isStillClaimed(job)
        return state.withLock { state in
            if !isClaimed, state.lanes[lane]?.running?.ending == nil {
                state.lanes[lane]?.running?.ending = .cancelled
            }
            return state.lanes[lane]?.running?.ending == nil
        }
    }

    private func next(on lane: Int) async -> ClaimedJob? {
        if let job = state.withLock({ popBuffered(on: lane, &$0) }) { return job }
        return await withCheckedContinuation { continuation in
            let answer = state.withLock { state -> ClaimedJob?? in
                if let job = popBuffered(on: lane, &state) { return .some(job) }
                if state.isClosed || state.lanes[lane]?.isAbandoned != false { return .some(nil) }
                if state.surplus > 0 {
                    state.surplus -= 1
                    return .some(nil)
                }
                state.idle[lane] = continuation
                return .none
            }
            if let answer { continuation.resume(returning: answer) }
        }
    }

    private func popBuffered(on lane: Int, _ state: inout State) -> ClaimedJob? {
        guard state.surplus == 0, state.lanes[lane]?.isAbandoned == false else { return nil }
        while state.bufferHead < state.buffer.count {
            let (job, arrived) = state.buffer[state.bufferHead]
            state.bufferHead += 1
            if state.bufferHead == state.buffer.count {
                state.buffer.removeAll(keepingCapacity: true)
                state.bufferHead = 0
                // The claimer fetches more, and sends what has gathered, while the last run goes on.
                claimAlarm.sound()
            }
            guard state.held[job.id] == job.token.run else { continue }  // cancelled while it was buffered
            take(job, arrived: arrived, on: lane, &state)
            return job
        }
        return nil
    }

    func take(
        _ job: ClaimedJob, arrived: ContinuousClock.Instant? = nil, on lane: Int, _ state: inout State
    ) {
        state.lanes[lane]?.running = Running(
            job: job, arrived: arrived, began: .now, timeLimit: work.timeLimit(job))
        state.busy += 1
    }

    /// - Parameter outcome: `nil` when the run was not begun.
    /// - Returns: whether the run was told to end.
    private func ended(_ job: ClaimedJob, on lane: Int, _ outcome: Outcome?, took: Duration) -> Bool {
        let (isAbandoned, ending) = state.withLock { state -> (Bool, Ending?) in
            guard let place = state.lanes[lane], let running = place.running else { return (true, nil) }
            state.lanes[lane]?.running = nil
            if !place.isAbandoned { state.busy -= 1 }
            if outcome != nil { learn(took, &state) }
            return (place.isAbandoned, running.ending)
        }
        guard !isAbandoned else {
            claimAlarm.sound()
            return true
        }
        let notBegun: Verdict = ending == .drained ? .handBack : .dropped
        switch outcome.map({ work.judge(job, $0, ending, took) }) ?? notBegun {
        case .plain(let settlement):
            let isDue = state.withLock { state in
                state.plain.append(settlement)
                return isWorthSending(state)
            }
            guard isDue else { return ending != nil }
        case .other(let other):
            add(other)
        case .dropped:
            settled([job.token])
        case .handBack:
            state.withLock { _ = $0.returned.insert(job.id) }
        }
        claimAlarm.sound()
        return ending != nil
    }

    /// While very short runs follow each other, settlements gather: a statement for each few would cost more than they
    /// do. The gathering ends with the buffer, some milliseconds later.
    func isWorthSending(_ state: State) -> Bool {
        guard state.buffered > 0, let mean = state.meanSeconds, mean < Pool.rushSpan else { return true }
        return state.plain.count >= Pool.rushBatch
    }

    /// Whether settlements should gather a little longer.
    var isRushing: Bool { state.withLock { !isWorthSending($0) } }

    /// The mean follows a slow run at once and fast ones gradually: prefetching too little costs less than too much.
    private func learn(_ took: Duration, _ state: inout State) {
        let seconds = took.inSeconds
        guard let mean = state.meanSeconds else { return state.meanSeconds = seconds }
        state.meanSeconds = seconds > Pool.prefetchSpan ? max(mean, seconds) : mean * 0.95 + seconds * 0.05
    }

    /// From now on so many jobs run at once. What runs may end; fewer lanes are there when enough runs have ended.
    func resize(lanes: Int) {
        let leaving = state.withLock { state -> [CheckedContinuation<ClaimedJob?, Never>] in
            state.lanesMax = lanes
            state.surplus = max(0, state.openLanes - lanes)
            let idle = state.idle.prefix(state.surplus)
            for (lane, _) in idle { state.idle[lane] = nil }
            state.surplus -= idle.count
            openLanes(&state)
            return idle.map(\.value)
        }
        for continuation in leaving { continuation.resume(returning: nil) }
        claimAlarm.sound()
    }
}
