import FoundationEssentials
import TestSupport
import Testing

@Suite("Settings")
struct SettingsTests {
    @Test("every fault of the settings is listed at once, by the name that was used")
    func faults() async throws {
        let answer = try await Program()(
            "work", "--grace", "never",
            variables: [
                "DATABASE_URL": "nothing", "MOTORPOOL_LEASE": "1", "MOTORPOOL_HISTORY_DAYS": "99",
                "MOTORPOOL_KILLPOINT": "x",
            ])
        #expect(answer.code == 2)
        for name in [
            "DATABASE_URL", "MOTORPOOL_LEASE", "--grace", "MOTORPOOL_HISTORY_DAYS", "MOTORPOOL_KILLPOINT",
        ] {
            #expect(answer.text.contains("motorpool: \(name): expected"), "\(answer.text)")
        }
    }

    @Test("check lists every fault of every policy with file and line, without a database")
    func policies() async throws {
        let files = [
            "noop.conf": "queue = trial\nlanes = none\n\nnonsense\n", "odd.conf": "atempts = 3\n",
            "sleep.conf": "time_limit = soon\n",
        ]
        try await withFolder(files) { folder in
            let answer = try await Program()("check", "--jobs", folder)
            #expect(answer.code == 1)
            for place in [
                "noop.conf:2: lanes", "noop.conf:4: ", "odd.conf:1: unknown setting", "odd.conf: no kind",
                "sleep.conf:1: time_limit", "abort.conf: the kind",
            ] {
                #expect(answer.text.contains(folder + "/" + place), "\(place) in \(answer.text)")
            }
            let json = try await Program()("check", "--jobs", folder, "--json")
            #expect(json.code == 1)
            #expect(try json.decoded(Faults.self).first?.faults.contains { $0.line == 2 } == true)
            let work = try await Program(database: "postgres://x@127.0.0.1:1/x")("work", "--jobs", folder)
            #expect(work.code == 2)
            #expect(work.text.contains("noop.conf:4: "))
        }
    }

    private struct Faults: Decodable {
        struct Fault: Decodable {
            let file: String
            let line: Int?
        }
        let faults: [Fault]
    }

    @Test("the policies of the project have no faults")
    func shipped() async throws {
        let answer = try await Program()("check", "--jobs", Checkout.path + "/jobs")
        #expect(answer.code == 0, "\(answer.text)")
    }

    @Test(
        "without a database and without a farm the sentence says what to do",
        arguments: ["jobs", "migrate", "doctor", "work"])
    func noDatabase(command: String) async throws {
        let answer = try await Program()(command, variables: ["MOTORPOOL_JOBS": Checkout.path + "/jobs"])
        #expect(answer.code == 69, "\(answer.text)")
        let words = answer.text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        #expect(
            words.contains(
                "no DATABASE_URL and no farm running in /nonexistent/state: start one with ./run, or set DATABASE_URL"
            ),
            "\(answer.text)")
    }

    @Test("the state of a job is not the state folder")
    func jobState() async throws {
        let answer = try await Program()("jobs", "--state", "dead")
        #expect(answer.text.contains("/nonexistent/state"))
    }

    @Test(
        "a password is never shown",
        arguments: [
            "postgres://me:Sesame77@127.0.0.1:1/x", "host=127.0.0.1 port=1 password=Sesame77",
            "postgres://me:Sesame77@[/x",
            "Sesame77", "postgres://me:Sesame77@127.0.0.1:99999/x?nonsense=Sesame77",
        ])
    func password(url: String) async throws {
        for command in [["migrate"], ["jobs"], ["doctor"], ["check"], ["work"], ["up"], ["enqueue", "noop"]] {
            let output = try await run(command, url)
            #expect(!output.text.contains("Sesame77"), "\(output.text)")
            #expect(output.code != 0 || command == ["check"])
        }
    }

    private func run(_ command: [String], _ url: String) async throws -> Program.Answer {
        let program = Program(database: url, variables: ["MOTORPOOL_JOBS": Checkout.path + "/jobs"])
        return command.count == 1 ? try await program(command[0]) : try await program(command[0], command[1])
    }
}
