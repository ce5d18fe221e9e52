import Jobs
import Postgres
import Store
import TestSupport
import Testing

@Suite("What was removed by hand")
struct RepairTests {
    @Test(
        "R7: leaves no subject behind: it is told as cancelled, found, ended by retention, and asked for anew"
    )
    func subject() async throws {
        try await withDesk { desk in
            let job = try await desk.store.enqueue(
                NewJob("note", subject: "purge", delay: .seconds(3600))
            ).job
            _ = try await desk.store.enqueue(NewJob("note", subject: "stays"))
            try await desk.store.database.run("DELETE FROM motorpool.jobs WHERE id = \(job.number)")
            let condition = try #require(
                try await desk.store.conditions(kind: "note", subjects: ["purge"]).first)
            #expect(condition.word == "cancelled" && condition.number == nil)
            #expect(condition.reason == "job \(job) is in no table any more: it was removed by hand")
            let lost = try await desk.store.lostReferences(most: 5)
            #expect(lost.subjects.map(\.subject) == ["purge"] && lost.subjects.map(\.job) == [job])
            #expect(lost.subjectsMore == 0)
            #expect(
                try await desk.store.retain(historyDays: 1, keyHours: 24, deadDays: 1).subjectsRepaired == 1)
            #expect(try await desk.store.lostReferences(most: 5).subjects.isEmpty)
            #expect(
                try await desk.store.retain(historyDays: 1, keyHours: 24, deadDays: 1).subjectsRepaired == 0)
            #expect(try await desk.store.enqueue(NewJob("note", subject: "purge")).verdict == .created)
            #expect(try await desk.store.enqueue(NewJob("note", subject: "stays")).verdict == .joined)
        }
    }

    @Test("R7: is not confused with a job that another session is just asking for")
    func beingAsked() async throws {
        try await withDesk { desk in
            try await desk.store.database.transaction { tx in
                let (answers, _) = try await desk.store.enqueue([NewJob("note", subject: "s")], in: tx)
                #expect(answers[0].verdict == .created)
                #expect(
                    try await desk.store.retain(historyDays: 1, keyHours: 24, deadDays: 1).subjectsRepaired
                        == 0)
            }
            #expect(
                try await desk.store.retain(historyDays: 1, keyHours: 24, deadDays: 1).subjectsRepaired == 0)
            #expect(try await desk.store.enqueue(NewJob("note", subject: "s")).verdict == .joined)
        }
    }

    @Test("R7: among 30,000 subjects is found in one turn")
    func many() async throws {
        try await withDesk { desk in
            try await desk.store.database.run(
                """
                INSERT INTO motorpool.subjects (kind, subject, job, live)
                SELECT 'note', 's' || n, -n, n % 1000 = 0 FROM generate_series(1, 30000) n WHERE n % 1000 = 0
                """)
            try await desk.store.database.run(
                """
                INSERT INTO motorpool.subjects (kind, subject, job, live, ending, settled_at)
                SELECT 'note', 's' || n, -n, false, 'done', now() FROM generate_series(1, 30000) n WHERE n % 1000 <> 0
                """)
            let lost = try await desk.store.lostReferences(most: 5)
            #expect(lost.subjects.count == 5 && lost.subjectsMore == 25)
            #expect(
                try await desk.store.retain(historyDays: 1, keyHours: 24, deadDays: 1).subjectsRepaired == 30)
        }
    }

    @Test(
        "R7: is a child that its parent waited for: it counts as failed, and the last one lets the parent go")
    func children() async throws {
        try await withDesk { desk in
            let worker = try await desk.worker()
            let parent = try await desk.running(by: worker)
            try await desk.store.settle(
                parent.token, as: .wait(step: 1), enqueueing: [NewJob("note"), NewJob("note")])
            let children: [Int64] = try await desk.column(
                "SELECT id FROM motorpool.jobs WHERE parent = \(parent.id.number) ORDER BY id")
            #expect(
                try await desk.store.retain(historyDays: 1, keyHours: 24, deadDays: 1).parentsRepaired == 0)
            for (index, child) in children.enumerated() {
                try await desk.store.database.run("DELETE FROM motorpool.jobs WHERE id = \(child)")
                #expect(try await desk.store.orphans() == [parent.id])
                #expect(
                    try await desk.store.retain(historyDays: 1, keyHours: 24, deadDays: 1).parentsRepaired
                        == 1)
                #expect(try await desk.state(of: parent.id) == (index == 0 ? .held : .ready))
            }
            #expect(try await desk.store.orphans() == [])
            let again = try #require(try await desk.claim(by: worker).first)
            #expect(again.id == parent.id && again.step == 1 && again.childrenFailed == 2)
        }
    }

    @Test("R7: is the job of a key: it is counted, and the key goes on answering until its retention")
    func key() async throws {
        try await withDesk { desk in
            let job = try await desk.store.enqueue(NewJob("note", key: "k")).job
            #expect(try await desk.store.lostReferences(most: 5).keys == 0)
            try await desk.store.database.run("DELETE FROM motorpool.jobs WHERE id = \(job.number)")
            #expect(try await desk.store.lostReferences(most: 5).keys == 1)
        }
    }
}
