import FoundationEssentials
import Glibc
import Platform
import TestSupport
import Testing

@Suite("The schedule on the command line")
struct ScheduleCommandsTests {
    private static let file = """
        [tick]
        when = * * * * * *
        kind = noop
        overlap = allow

        [rare]
        when = 30 2 * * *
        zone = Europe/Berlin
        kind = noop
        """

    /// A folder with policies and a schedule beside them.
    private func withSchedule(_ text: String, _ body: (_ file: String) async throws -> Void) async throws {
        try await withFolder(["scheduler.conf": text]) { try await body($0 + "/scheduler.conf") }
    }

    @Test("explain tells a gap and a repeat in words, and every firing of an hour that comes twice")
    func explain() async throws {
        let program = Program()
        let gap = try await program(
            "schedule", "explain", "30 2 * * *", "--zone", "Europe/Berlin", "--from", "2027-03-28")
        #expect(gap.text.contains("clocks go forward at 02:00 to 03:00 on 2027-03-28"))
        #expect(gap.text.contains("02:30 does not exist on 2027-03-28"))
        #expect(gap.text.contains("fires at 03:00"))
        let twice = try await program(
            "schedule", "explain", "*/15 * * * *", "--zone", "Europe/Berlin", "--from", "2027-10-31")
        #expect(twice.text.contains("clocks go back at 03:00 to 02:00 on 2027-10-31"))
        let lines = twice.text.split(separator: "\n")
        #expect(lines.count { $0.hasPrefix("  Sun 2027-10-31 02:") && $0.contains(" CEST ") } == 4)
        #expect(lines.count { $0.hasPrefix("  Sun 2027-10-31 02:") && $0.contains(" CET ") } == 4)
        // A day of 25 hours.
        #expect(lines.count { $0.contains("Sun 2027-10-31 ") } == 100)
        let fixed = try await program(
            "schedule", "explain", "30 2 * * *", "--zone", "Europe/Berlin", "--from", "2027-10-31")
        #expect(
            fixed.text.contains(
                "02:30 comes twice on 2027-10-31, in CEST and in CET: fires the first time only"))
    }

    @Test("explain tells a downtime of days with its dates, and begins with it")
    func downtimeOfDays() async throws {
        let answer = try await Program()(
            "schedule", "explain", "30 2 * * *", "--down", "2027-05-01T00:00..2027-05-04T12:00")
        #expect(answer.text.contains("  Sat 2027-05-01 02:30:00 UTC"), "\(answer.text)")
        #expect(answer.text.contains("of 4 slots 4 fire: 2027-05-01 02:30:00, 2027-05-02 02:30:00"))
    }

    @Test("explain tells what a downtime does by each policy, also to programs")
    func downtime() async throws {
        struct Answer: Decodable {
            struct Policy: Decodable {
                let missed: String
                let slots: Int
                let fire: [String]
            }
            let down: [Policy]
        }
        let answer = try await Program()(
            "schedule", "explain", "* * * * *", "--down", "2027-05-01T12:00..2027-05-01T12:10:45", "--json")
        let down = try #require(try answer.decoded(Answer.self).first?.down)
        #expect(down.map(\.missed) == ["skip", "last", "all up to 10"])
        #expect(down.map(\.slots) == [10, 10, 10])
        #expect(down.map(\.fire.count) == [0, 1, 10])
        #expect(down[1].fire == ["2027-05-01T12:10:00Z"])
    }

    @Test("what can't be understood is a usage error that says what was expected")
    func usage() async throws {
        let program = Program()
        for (words, hint) in [
            (["schedule"], "schedule list, schedule explain"),
            (["schedule", "explain", "61 * * * *"], "minute: expected 0-59"),
            (["schedule", "explain", "@daily", "--zone", "Nowhere"], "expected a time zone"),
            (["schedule", "explain", "@daily", "--down", "now"], "expected FROM..TO"),
            (["schedule", "explain", "@daily", "--from", "yesterday"], "expected a time like"),
        ] {
            let answer = try await program.run(words)
            #expect(answer.code == 64 && answer.text.contains(hint), "\(words): \(answer.text)")
        }
    }

    @Test("check and work list the faults of the schedule with file and line")
    func faults() async throws {
        try await withSchedule("[a]\nwhen = 61 * * * *\nkind = nobody\n") { file in
            let jobs = Checkout.path + "/jobs"
            let check = try await Program()("check", "--scheduler", file, "--jobs", jobs)
            #expect(check.code == 1)
            let work = try await Program(database: "postgres://x@127.0.0.1:1/x")(
                "work", "--scheduler", file, "--jobs", jobs)
            #expect(work.code == 2)
            for answer in [check, work] {
                #expect(answer.text.contains("\(file):2: when: minute"), "\(answer.text)")
                #expect(answer.text.contains("\(file):3: kind: expected a kind"), "\(answer.text)")
            }
        }
        let named = try await Program()("check", "--scheduler", "/nonexistent/scheduler.conf")
        #expect(named.text.contains("/nonexistent/scheduler.conf: can't be read"))
    }

    @Test("a worker fires its schedule; list, run, pause and resume tell and change what it does")
    func whole() async throws {
        try await withSchedule(Self.file) { file in
            try await withProgram { program in
                var program = program
                program.variables["MOTORPOOL_SCHEDULE"] = "1"
                let worker = try await program.work("--scheduler", file, "--verbose")
                try await worker.says("slot_fired")
                let list = try await program("schedule", "list")
                #expect(list.text.contains("tick") && list.text.contains("Europe/Berlin"))
                #expect(
                    try await program("schedule", "run", "rare", "--by", "anna").text.contains("runs rare"))
                let ledger = try await program("schedule", "list", "rare")
                #expect(ledger.text.contains("run by anna"))
                #expect(try await program("schedule", "pause", "tick", "--by", "anna").code == 0)
                try await worker.says("slot_skipped")
                #expect(try await program("schedule", "list").text.contains("paused by"))
                #expect(try await program("schedule", "resume", "tick").text.contains("goes on"))
                for word in ["run", "pause", "resume"] {
                    let unknown = try await program("schedule", word, "nobody")
                    #expect(unknown.code == 1 && unknown.text.contains("the lines are rare, tick"))
                }
                worker.signal(SIGTERM)
                #expect(try await worker.end() == .exited(0))
            }
        }
    }
}
