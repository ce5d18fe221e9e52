internal import Jobs
internal import Postgres
internal import Store

/// Sends the settlements that touch ledgers, return, or bring new jobs: in bulk where they can go together, and each in
/// a transaction of its own where new jobs follow.
struct Settler: Sendable {
    let pool: Pool
    let store: Store
    let tally: Tally
    let tell: @Sendable (FarmEvent) -> Void

    static let batchMax = 200

    /// Runs until the task is cancelled.
    func run() async {
        var failures = 0
        while !Task.isCancelled {
            let batch = pool.takeOther(max: Settler.batchMax)
            guard !batch.isEmpty else {
                await pool.settleAlarm.wait(atMost: .seconds(1))
                continue
            }
            let unsettled = await settle(batch)
            failures = unsettled.isEmpty ? 0 : failures + 1
            guard !unsettled.isEmpty else { continue }
            pool.putBack(unsettled)
            let pause = min(Duration.milliseconds(50 * (1 << min(failures, 6))), .seconds(2))
            try? await Task.sleep(for: pause * Double.random(in: 0.5...1))
        }
    }

    /// - Returns: what has to be sent again, because the database could not answer.
    func settle(_ batch: [Pool.Other]) async -> [Pool.Other] {
        var unsettled = await settleTogether(batch.filter(\.newJobs.isEmpty))
        for other in batch where !other.newJobs.isEmpty {
            if await !settleAlone(other) { unsettled.append(other) }
        }
        // A place may have become free, or a job be due again.
        pool.claimAlarm.sound()
        return unsettled
    }

    private func settleTogether(_ batch: [Pool.Other]) async -> [Pool.Other] {
        guard !batch.isEmpty else { return [] }
        do {
            let held = try await store.settle(batch.map { ($0.token, $0.settlement) })
            count(batch, held)
            return []
        } catch let error as PostgresError where error.isAboutSomeRow {
            guard batch.count == 1 else {
                let first = await settleTogether(Array(batch[..<(batch.count / 2)]))
                return await first + settleTogether(Array(batch[(batch.count / 2)...]))
            }
            guard error.isData else { return failed(batch, error) }
            return await settleTogether([refused(batch[0], "its outcome can't be stored: \(error.sentence)")])
        } catch {
            return failed(batch, error)
        }
    }

    /// - Returns: whether it is settled, one way or the other.
    private func settleAlone(_ other: Pool.Other) async -> Bool {
        do {
            try await store.settle(other.token, as: other.settlement, enqueueing: other.newJobs)
            count([other], [true])
            return true
        } catch StoreError.stale {
            count([other], [false])
            return true
        } catch let error as StoreError {
            return await settleTogether([refused(other, "its new jobs were refused: \(error)")]).isEmpty
        } catch let error as PostgresError where error.isData {
            return await settleTogether([refused(other, "its outcome can't be stored: \(error.sentence)")])
                .isEmpty
        } catch {
            return failed([other], error).isEmpty
        }
    }

    private func refused(_ other: Pool.Other, _ sentence: String) -> Pool.Other {
        tell(.refusedData(other.token.job, error: sentence))
        let settlement = Settlement.die(reason: .forGood, error: Bounds.storable(error: sentence))
        return Pool.Other(token: other.token, settlement: settlement, newJobs: [])
    }

    private func failed(_ batch: [Pool.Other], _ error: any Error) -> [Pool.Other] {
        if !(error is CancellationError) {
            tell(.trouble("settling in \(pool.name): \(String(reflecting: error))"))
        }
        guard (error as? PostgresError)?.isOutcomeUnknown == true else { return batch }
        return batch.map { other in
            var uncertain = other
            uncertain.isUncertain = true
            return uncertain
        }
    }

    private func count(_ batch: [Pool.Other], _ held: [Bool]) {
        pool.settled(batch.map(\.token))
        let stale = zip(batch, held).count { other, isHeld in !isHeld && !other.isUncertain }
        tally.count { counts in
            counts.stale += stale
            for (other, isHeld) in zip(batch, held) where isHeld {
                switch other.settlement {
                case .finish:
                    counts.done += 1
                    counts.byQueue[pool.name, default: Tally.Ends()].done += 1
                case .retry, .die:
                    counts.failed += 1
                    counts.byQueue[pool.name, default: Tally.Ends()].failed += 1
                case .snooze, .wait, .cancel: counts.snoozed += 1
                }
            }
        }
        if stale > 0 { tell(.stale(count: stale)) }
    }
}
