import Farm
import Jobs
import Platform
import Postgres
import Store
import TestSupport
import Testing

/// Who runs beside whom, by name.
final class Turnout: Sendable {
    private let state = Lock((now: [String: Int](), most: [String: Int](), all: Set<[String]>()))

    func enters(_ name: String) {
        state.withLock { state in
            state.now[name, default: 0] += 1
            state.most[name] = max(state.most[name] ?? 0, state.now[name] ?? 0)
            state.all.insert(state.now.filter { $0.value > 0 }.keys.sorted())
        }
    }

    func leaves(_ name: String) { state.withLock { $0.now[name, default: 1] -= 1 } }

    /// How many of this name ran at once.
    func most(_ name: String) -> Int { state.withLock { $0.most[name] ?? 0 } }

    /// Whether these names, and no others, ran at once.
    func met(_ names: String...) -> Bool { state.withLock { $0.all.contains(names.sorted()) } }
}

@Suite("A suspect")
struct SuspectTests {
    @Test("runs alone in its queue, beside the suspects of other queues and beside ordinary jobs")
    func lanePerQueue() async throws {
        try await withHouse([
            Definition(kind: "note"), Definition("other") { $0.queue = "others" },
        ]) { house in
            _ = try await house.store.enqueue([NewJob](repeating: NewJob("note"), count: 4))
            _ = try await house.store.enqueue([NewJob](repeating: NewJob("other"), count: 4))
            for queue in ["default", "others"] {
                try await house.dies(holding: 4, queue: queue)
                try await house.dies(holding: 4, queue: queue, hasBegun: true)
            }
            let turnout = Turnout()
            @Sendable func run(_ run: Run) async throws -> Outcome {
                let name = run.job.kind + (run.job.level.isSuspect ? " suspect" : "")
                turnout.enters(name)
                defer { turnout.leaves(name) }
                // The first of each wait for each other: no lane stands in the way of another.
                try await eventually("all three at once") {
                    turnout.met("note", "note suspect", "other suspect")
                }
                return .done()
            }
            _ = try await house.store.enqueue(NewJob("note"))
            _ = try await house.hire([.note(run), .other(run)])
            try await house.isEmptied()
            #expect(turnout.most("note suspect") == 1 && turnout.most("other suspect") == 1)
        }
    }

    @Test("whose worker died while it ran several is the only suspect of its process, of whatever queue")
    func lone() async throws {
        try await withHouse([
            Definition(kind: "note"), Definition("other") { $0.queue = "others" },
        ]) { house in
            _ = try await house.store.enqueue([NewJob](repeating: NewJob("note"), count: 3))
            try await house.dies(holding: 3)
            try await house.dies(holding: 3, hasBegun: true)
            try await house.dies(holding: 3, levels: [.suspect], hasBegun: true)
            _ = try await house.store.enqueue([NewJob](repeating: NewJob("other"), count: 3))
            try await house.dies(holding: 3, queue: "others")
            try await house.dies(holding: 3, queue: "others", hasBegun: true)
            let turnout = Turnout()
            @Sendable func run(_ run: Run) async throws -> Outcome {
                let name = run.job.level == .loneSuspect ? "lone" : "suspect"
                turnout.enters(name)
                defer { turnout.leaves(name) }
                try await Task.sleep(for: .milliseconds(30))
                return .done()
            }
            _ = try await house.hire([.note(run), .other(run)])
            try await house.isEmptied()
            #expect(turnout.most("lone") == 1 && turnout.most("suspect") == 1)
            #expect(!turnout.met("lone", "suspect"))
        }
    }

    @Test("notes that it begins before it begins, and a job that met no death does not")
    func begun() async throws {
        try await withHouse { house in
            let recovered = try await house.store.enqueue(NewJob("note")).job
            try await house.dies(holding: 1)
            let seen = Lock([JobID: Int32?]())
            _ = try await house.hire([
                .note { run in
                    let begun =
                        try await house.value(
                            "SELECT begun FROM motorpool.jobs WHERE id = \(run.job.id.number)") as Int32?
                    seen.withLock { $0[run.job.id] = .some(begun) }
                    return .done()
                }
            ])
            let fresh = try await house.store.enqueue(NewJob("note")).job
            try await house.isEmptied()
            #expect(seen.withLock { $0 } == [recovered: 2, fresh: nil])
        }
    }
}
