import Jobs
import Postgres
import Store
import TestSupport
import Testing

@Suite("A parent")
struct ChildrenTests {
    /// A parent that waits for `count` children, and the children as claimed.
    private func family(_ desk: Desk, _ worker: WorkerID, children count: Int) async throws -> (
        JobID, [ClaimedJob]
    ) {
        let parent = try await desk.running(NewJob("note", args: "\"parent\""), by: worker)
        let children = [NewJob](repeating: NewJob("note", args: "\"child\""), count: count)
        try await desk.store.settle(parent.token, as: .wait(step: 7), enqueueing: children)
        return (parent.id, try await desk.claim(by: worker))
    }

    @Test("runs its next step when the last child has left, and not before")
    func lastChild() async throws {
        try await withDesk { desk in
            let worker = try await desk.worker()
            let (parent, children) = try await family(desk, worker, children: 3)
            #expect(children.count == 3 && !children.contains(where: \.isPlain))
            for (index, child) in children.enumerated() {
                #expect(try await desk.state(of: parent) == .held)
                #expect(try await desk.store.job(parent)?.childrenLeft == 3 - index)
                try await desk.finish(child)
            }
            let next = try await desk.claim(by: worker)
            #expect(next.map(\.id) == [parent])
            #expect(next[0].step == 7 && next[0].childrenFailed == 0 && next[0].failures == 0)
        }
    }

    @Test("is told how many of its children did not end well; a retry is not an end")
    func failedChildren() async throws {
        try await withDesk { desk in
            let worker = try await desk.worker()
            let (parent, children) = try await family(desk, worker, children: 4)
            #expect(try await desk.settle(children[0], .die(reason: .forGood, error: "x")))
            #expect(try await desk.settle(children[1], .cancel(reason: "x")))
            #expect(
                try await desk.store.cancel(children[2].id, reason: "x") == .cancelled(mayHaveStarted: true))
            #expect(try await desk.settle(children[3], .retry(after: .zero, error: "x")))
            #expect(try await desk.state(of: parent) == .held)
            try await desk.comeDue()
            try await desk.finish(try await desk.claim(by: worker)[0])
            #expect(try await desk.claim(by: worker).map(\.childrenFailed) == [3])
        }
    }

    @Test("goes on when all its children leave in one batch, or in two at the same time", arguments: [1, 2])
    func together(batches: Int) async throws {
        try await withDesk { desk in
            let worker = try await desk.worker()
            let (parent, children) = try await family(desk, worker, children: 40)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for part in 0..<batches {
                    let mine = children.enumerated().filter { $0.offset % batches == part }.map(\.element)
                    group.addTask {
                        let held = try await desk.store.settle(mine.map { ($0.token, .finish(result: nil)) })
                        #expect(held.allSatisfy { $0 })
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await desk.claim(by: worker).map(\.id) == [parent])
        }
    }

    @Test("that has only children which joined another job goes on at once")
    func onlyJoined() async throws {
        try await withDesk { desk in
            let worker = try await desk.worker()
            let other = try await desk.running(NewJob("note", subject: "s"), by: worker)
            let parent = try await desk.running(by: worker)
            try await desk.store.settle(
                parent.token, as: .wait(step: 1), enqueueing: [NewJob("note", subject: "s")])
            try await desk.comeDue()
            let next = try await desk.claim(by: worker)
            #expect(next.map(\.id) == [parent.id] && next[0].step == 1)
            try await desk.finish(other)
        }
    }

    @Test("waits only for the children that are its own")
    func someJoined() async throws {
        try await withDesk { desk in
            let worker = try await desk.worker()
            _ = try await desk.running(NewJob("note", subject: "s"), by: worker)
            let parent = try await desk.running(by: worker)
            try await desk.store.settle(
                parent.token, as: .wait(step: 1),
                enqueueing: [NewJob("note", subject: "s"), NewJob("note", subject: "t")])
            #expect(try await desk.store.job(parent.id)?.childrenLeft == 1)
            try await desk.finish(try await desk.claim(by: worker)[0])
            #expect(try await desk.claim(by: worker).map(\.id) == [parent.id])
        }
    }

    @Test("that was cancelled is not brought back by its children")
    func cancelledParent() async throws {
        try await withDesk { desk in
            let worker = try await desk.worker()
            let (parent, children) = try await family(desk, worker, children: 2)
            #expect(try await desk.store.cancel(parent, reason: "x") == .cancelled(mayHaveStarted: true))
            for child in children { try await desk.finish(child) }
            #expect(try await desk.count("jobs") == 0)
            #expect(try await desk.told(parent) == .cancelled)
        }
    }

    @Test("with a limit takes its place anew for its next step", arguments: [true, false])
    func limited(hasChildren: Bool) async throws {
        let one = Definition("one") { $0.limit = 1 }
        try await withDesk([Definition(kind: "note"), one]) { desk in
            let worker = try await desk.worker()
            let parent = try await desk.running(NewJob("one"), by: worker)
            let waiting = try await desk.store.enqueue(NewJob("one")).job
            #expect(try await desk.state(of: waiting) == .held)
            try await desk.store.settle(
                parent.token, as: .wait(step: 1), enqueueing: hasChildren ? [NewJob("note")] : [])
            _ = try await desk.store.moveDue(batch: 10)
            _ = try await desk.store.admit()
            let others = try await desk.claim(by: worker)
            #expect(others.filter { $0.kind == "one" }.count == 1)
            for child in others where child.kind == "note" { try await desk.finish(child) }
            _ = try await desk.store.moveDue(batch: 10)
            _ = try await desk.store.admit()
            // One of the two is running: the other may not be.
            #expect(try await desk.claim(by: worker).filter { $0.kind == "one" }.isEmpty)
            for job in others where job.kind == "one" { try await desk.finish(job) }
            _ = try await desk.store.admit()
            #expect(try await desk.claim(by: worker).filter { $0.kind == "one" }.count == 1)
        }
    }

    @Test("that is overtaken has no children")
    func overtaken() async throws {
        try await withDesk { desk in
            let worker = try await desk.worker()
            let parent = try await desk.running(by: worker)
            _ = try await desk.store.handBack([parent.token], of: worker)
            await #expect(throws: StoreError.self) {
                try await desk.store.settle(
                    parent.token, as: .wait(step: 1), enqueueing: [NewJob("note", key: "k")])
            }
            #expect(try await desk.count("jobs") == 1)
            #expect(try await desk.count("keys") == 0)
        }
    }
}
