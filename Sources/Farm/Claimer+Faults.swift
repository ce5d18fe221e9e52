internal import Jobs
internal import Postgres
internal import Store

/// The row that is in the way of a claim or of a settlement stands alone in the end, and costs itself only.
extension Claimer {
    /// Makes jobs dead whose rows can't be read, with the reason.
    func setAside(_ tokens: [RunToken], because known: String? = nil) {
        guard !tokens.isEmpty else { return }
        // Beside the claims: asking why takes a statement, and the queue goes on meanwhile.
        Task {
            var faults: [JobID: String] = [:]
            if known == nil {
                do {
                    faults = try await store.faults(of: tokens.map(\.job))
                } catch {
                    tell(.trouble("asking why jobs can't be read: \(String(reflecting: error))"))
                }
            }
            for token in tokens {
                let why = known ?? faults[token.job] ?? "it holds what no program of this version writes"
                refuse(token, "its row can't be read: \(why)")
            }
        }
    }

    /// Looks for the one job whose claim fails, claims it by itself, and if that fails too, without its payload: it is dead
    /// then, with what the server said.
    func standAlone(_ claim: Claim) async {
        defer { size.stoodAlone() }
        func alone(_ care: Claim.Care) -> Claim {
            Claim(
                queue: claim.queue, kinds: claim.kinds, worker: claim.worker, limit: 1, care: care,
                watermarks: claim.watermarks)
        }
        do {
            guard let job = try await store.next(claim) else { return }
            do {
                let one = alone(.alone(job))
                let claimed = try await store.settle(plain: [], andClaim: one)
                bring(claimed, one, isSweep: false, began: .now)
            } catch let error as PostgresError where error.isOfOneRow {
                let claimed = try await store.settle(plain: [], andClaim: alone(.blind(job)))
                setAside(claimed.unreadable, because: error.sentence)
            }
        } catch {
            tell(.trouble("looking for the job that can't be claimed: \(String(reflecting: error))"))
        }
    }

    /// A batch that failed on its data is halved until the one bad row fails alone.
    func settleOneByOne(_ plain: [PlainSettlement]) async {
        guard !plain.isEmpty else { return }
        do {
            let stale = try await store.settle(plain: plain, andClaim: nil).stale
            settled(plain, stale: stale)
        } catch let error as PostgresError where error.isAboutSomeRow {
            guard plain.count > 1 else { return setApart(plain[0], error) }
            await settleOneByOne(Array(plain[..<(plain.count / 2)]))
            await settleOneByOne(Array(plain[(plain.count / 2)...]))
        } catch {
            pool.putBack(plain.uncertain(after: error))
        }
    }

    /// The one row of a batch that stands in the way: refused for its data, or sent by itself later.
    private func setApart(_ settlement: PlainSettlement, _ error: PostgresError) {
        guard !error.isData else {
            return refuse(settlement.token, "its result can't be stored: \(error.sentence)")
        }
        pool.add(
            Pool.Other(token: settlement.token, settlement: .finish(result: settlement.result), newJobs: []))
    }

    private func refuse(_ token: RunToken, _ sentence: String) {
        tell(.refusedData(token.job, error: sentence))
        pool.add(
            Pool.Other(
                token: token, settlement: .die(reason: .forGood, error: Bounds.storable(error: sentence)),
                newJobs: []))
    }
}

extension [PlainSettlement] {
    /// Marked, when the error leaves open whether they happened.
    func uncertain(after error: any Error) -> [PlainSettlement] {
        guard (error as? PostgresError)?.isOutcomeUnknown == true else { return self }
        return map { settlement in
            var uncertain = settlement
            uncertain.isUncertain = true
            return uncertain
        }
    }
}

extension PostgresError {
    /// The batch failed because of one of its rows: its data, or a lock that somebody holds on it. Halving finds it.
    var isAboutSomeRow: Bool { isData || ["55P03", "57014", "40P01"].contains(sqlstate) }

    /// What the server said, with its detail: data errors are the job's own words.
    var sentence: String {
        guard case .server(let error) = self else { return description }
        return error.message + (error.detail.map { ": \($0)" } ?? "")
    }
}
