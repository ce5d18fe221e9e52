import Jobs
import Platform
import Postgres
import Store
import TestSupport

/// The producers: every door of the queue, by way of the proxy, for as long as the torture goes on.
final class Load: Sendable {
    private let book: Book
    private let store: Store
    private let jobsMax: Int
    private let scale: Double
    private let seed: UInt64
    private let isOver = Lock(false)
    /// Whether there is enough in line for now.
    private let isFull: @Sendable () -> Bool

    init(
        book: Book, store: Store, jobsMax: Int, scale: Double, seed: UInt64,
        isFull: @escaping @Sendable () -> Bool
    ) {
        self.book = book
        self.store = store
        self.jobsMax = jobsMax
        self.scale = scale
        self.seed = seed
        self.isFull = isFull
    }

    /// Produces until `stop`; every request has a fate when this returns.
    func run() async {
        await withDiscardingTaskGroup { producers in
            for number in 1...2 {
                produce("keyed \(number)", every: 60...140, in: &producers) { await self.keyed(&$0) }
            }
            produce("plain", every: 60...140, in: &producers) { await self.plain(&$0) }
            produce("transactions", every: 80...160, in: &producers) { await self.inTransaction(&$0) }
            produce("failing", every: 200...400, in: &producers) { await self.failing(&$0) }
            produce("delayed", every: 200...400, in: &producers) { await self.delayed(&$0) }
            produce("families", every: 700...1300, in: &producers) { await self.family(&$0) }
            produce("bulk", every: 700...1300, in: &producers) { await self.bulk(&$0) }
        }
    }

    func stop() { isOver.withLock { $0 = true } }

    private func produce(
        _ name: String, every milliseconds: ClosedRange<Int>, in producers: inout DiscardingTaskGroup,
        _ deed: @escaping @Sendable (inout Dice) async -> Void
    ) {
        producers.addTask {
            var dice = Dice(seed: self.seed, "load: \(name)")
            while !self.isOver.withLock({ $0 }), !Task.isCancelled {
                if !self.isFull(), self.book.count < self.jobsMax { await deed(&dice) }
                try? await Task.sleep(for: dice.milliseconds(milliseconds) / self.scale)
            }
        }
    }

    // MARK: The doors

    /// The same key until there is an answer: the way that promises most.
    private func keyed(_ dice: inout Dice) async {
        let tag = book.open("effect", by: "key")[0]
        let job = NewJob("effect", args: effect(tag, &dice), key: tag, keyScope: "torture")
        let deadline = ContinuousClock.now + .seconds(60)
        while ContinuousClock.now < deadline {
            do {
                book.acknowledge(tag, as: try await store.enqueue(job).job.number)
                // Now and then once more, as a client does that forgot.
                guard dice.chance(0.1) else { return }
                book.acknowledge(tag, as: try await store.enqueue(job).job.number)
                return
            } catch {
                try? await Task.sleep(for: dice.milliseconds(20...200))
            }
        }
        if book.requests[tag]?.fate == .open { book.close([tag], as: .unknown) }
    }

    /// Without a key: after a lost answer nobody knows.
    private func plain(_ dice: inout Dice) async {
        let tags = book.open("effect", by: "plain", count: dice.int(1...5))
        await enqueue(tags, tags.map { NewJob("effect", args: effect($0, &dice)) })
    }

    private func bulk(_ dice: inout Dice) async {
        let tags = book.open("noop", by: "bulk", count: 50)
        await enqueue(tags, tags.map { NewJob("noop", args: JSON(text: "{\"tag\":\"\($0)\"}")) })
    }

    private func failing(_ dice: inout Dice) async {
        let isDoomed = dice.chance(0.1)
        let failures = isDoomed ? 0 : dice.int(1...2)
        let tag = book.open("fail", by: "plain", failures: failures, isDoomed: isDoomed)[0]
        let args = isDoomed ? "\"for_good\":true" : "\"times\":\(failures)"
        await enqueue([tag], [NewJob("fail", args: JSON(text: "{\"tag\":\"\(tag)\",\(args)}"))])
    }

    private func family(_ dice: inout Dice) async {
        let tag = book.open("family", by: "plain")[0]
        let args = "{\"tag\":\"\(tag)\",\"children\":\(dice.int(1...10))}"
        await enqueue([tag], [NewJob("family", args: JSON(text: args))])
    }

    /// Due later; some are cancelled before.
    private func delayed(_ dice: inout Dice) async {
        let tag = book.open("effect", by: "delayed")[0]
        let isCancelled = dice.chance(0.3)
        await enqueue(
            [tag], [NewJob("effect", args: effect(tag, &dice), delay: dice.milliseconds(100...3000))])
        guard isCancelled, case .acknowledged(let job) = book.requests[tag]?.fate else { return }
        try? await Task.sleep(for: dice.milliseconds(0...1500))
        if case .cancelled = try? await store.cancel(JobID(job), reason: "torture") {
            book.close([tag], as: .cancelled(job))
        }
    }

    /// The SQL door inside a producer's own transaction; a third of them roll back.
    private func inTransaction(_ dice: inout Dice) async {
        let tag = book.open("effect", by: "transaction")[0]
        let args = effect(tag, &dice)
        let rollsBack = dice.chance(0.34)
        do {
            let job = try await store.database.transaction { tx -> Int64 in
                let row = try await tx.run(
                    "SELECT motorpool.enqueue('effect', \(PostgresValue.json(args.bytes)))"
                ).first
                if rollsBack { throw RolledBack() }
                return try row?.get(0) ?? 0
            }
            book.acknowledge(tag, as: job)
        } catch {
            book.close([tag], as: fate(after: error))
        }
    }

    private struct RolledBack: Error {}

    private func enqueue(_ tags: [String], _ jobs: [NewJob]) async {
        do {
            for (tag, answer) in zip(tags, try await store.enqueue(jobs)) {
                book.acknowledge(tag, as: answer.job.number)
            }
        } catch {
            book.close(tags, as: fate(after: error))
        }
    }

    private func fate(after error: any Error) -> Book.Fate {
        (error as? PostgresError)?.isOutcomeUnknown == true ? .unknown : .refused
    }

    private func effect(_ tag: String, _ dice: inout Dice) -> JSON {
        let seconds = Double(dice.int(0...40)) / 1000
        return JSON(text: "{\"tag\":\"\(tag)\",\"seconds\":\(seconds),\"outside\":true}")
    }
}
