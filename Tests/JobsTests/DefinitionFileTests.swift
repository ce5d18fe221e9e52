import Jobs
import Testing

@Suite("A definition file")
struct DefinitionFileTests {
    private func read(_ text: String) -> DefinitionFile {
        DefinitionFile(kind: "mod", file: "jobs/mod.conf", text: text)
    }

    @Test("that is empty gives the defaults", arguments: ["", "\n\n", "# nothing\n", "   \n\t\n  # x"])
    func empty(text: String) {
        let file = read(text)
        #expect(file.faults.isEmpty)
        #expect(file.definition == Definition(kind: "mod"))
    }

    @Test("sets every setting there is")
    func everything() {
        let file = read(
            """
            # all of them
            queue = steam
            lanes = 4            # per process
            attempts = 7
            budget = 50s
            time_limit = 1h
            backoff = 2s to 5m
            jitter = 50%
            priority = high
            limit = 3
            limit_per_key = 1
            rate = 10/s burst 20
            rate_per_key = 1/s
            unique = again
            cooldown = 10m
            cooldown_after_failure = 30s
            history = none
            asked_by = producer
            callers_choose = queue  limit_key
            seen_by = reader
            host = api.example.org 5/s
              host=cdn.example.org   100/5m
            """)
        #expect(file.faults.isEmpty)
        var wanted = Definition(kind: "mod")
        wanted.queue = "steam"
        wanted.lanes = 4
        wanted.patience = Patience(
            attemptsMax: 7, budget: .seconds(50), backoffFirst: .seconds(2), backoffMax: .seconds(300),
            jitter: 0.5)
        wanted.timeLimit = .seconds(3600)
        wanted.priority = .high
        wanted.limit = 3
        wanted.limitPerKey = 1
        wanted.rate = Rate(count: 10, per: .seconds(1), burst: 20)
        wanted.ratePerKey = Rate(count: 1, per: .seconds(1))
        wanted.unique = .again
        wanted.cooldown = .seconds(600)
        wanted.cooldownAfterFailure = .seconds(30)
        wanted.keepsHistory = false
        wanted.askedBy = .producer
        wanted.callersChoose = [.queue, .limitKey]
        wanted.seenBy = .reader
        wanted.hosts = [
            "api.example.org": Rate(count: 5, per: .seconds(1)),
            "cdn.example.org": Rate(count: 100, per: .seconds(300)),
        ]
        #expect(file.definition == wanted)
        #expect(file.definition.isLimited)
    }

    @Test("lists all its faults at once, each with its line")
    func allFaults() {
        let file = read(
            """
            queue = Steam
            # a comment
            lanes = 0

            what is this
            attempts = 3
            attempts = 4
            colour = red
            jitter = 20
            """)
        #expect(file.faults.map(\.line) == [1, 3, 5, 7, 8, 9])
        #expect(file.faults.allSatisfy { $0.file == "jobs/mod.conf" })
        #expect(file.faults[0].description.hasPrefix("jobs/mod.conf:1: queue: expected"))
        #expect(file.faults[1].message.contains("from 1 to 1024"))
        #expect(file.faults[1].message.contains("“0”"))
        #expect(file.faults[2].message.contains("what is this"))
        #expect(file.faults[3].message == "attempts is already set in line 6")
        #expect(file.faults[5].message.contains("a percentage"))
    }

    @Test("names the settings there are when one is unknown")
    func unknownSetting() {
        let file = read("colour = red")
        let message = file.faults[0].message
        #expect(message.contains("unknown setting “colour”"))
        for known in ["attempts", "backoff", "budget", "host", "lanes", "queue", "rate_per_key", "unique"] {
            #expect(message.contains(known))
        }
    }

    @Test("keeps the first of two settings")
    func duplicate() {
        let file = read("lanes = 2\nlanes = 3")
        #expect(file.definition.lanes == 2)
        #expect(file.faults.count == 1)
    }

    @Test("may name several hosts, but none twice")
    func hosts() {
        let file = read("host = a.example 1/s\nhost = b.example 2/s\nhost = a.example 3/s")
        #expect(file.definition.hosts.count == 2)
        #expect(file.faults.map(\.line) == [3])
    }

    @Test(
        "refuses a value that is out of its bounds or not one",
        arguments: [
            "queue =", "queue = a b", "queue = ä", "queue = " + String(repeating: "q", count: 65),
            "lanes = 1025",
            "lanes = -1", "lanes = four", "lanes = 1.5", "lanes = 99999999999999999999", "attempts = 0",
            "attempts = 1001",
            "budget = 0s", "budget = 5", "time_limit = 0ms", "time_limit = -1s", "backoff = 1s",
            "backoff = 1s 5m",
            "backoff = 1s to", "backoff = 1s to 5m to 6m", "jitter = 101%", "jitter = -1%", "jitter = %",
            "jitter = nan%",
            "priority = asap", "limit = 0", "limit_per_key = 100001", "rate = fast", "rate_per_key = 5",
            "unique = maybe",
            "cooldown = -1s", "cooldown_after_failure = soon", "history = all", "host = a.example",
            "host = 5/s",
            "host = " + String(repeating: "h", count: 254) + " 5/s", "= 5", "lanes == 5",
        ])
    func bounds(text: String) {
        #expect(read(text).faults.count == 1)
    }

    @Test(
        "takes the values at its bounds",
        arguments: ["lanes = 1024", "attempts = 1000", "jitter = 0%", "cooldown = 0s"])
    func inBounds(text: String) {
        #expect(read(text).faults.isEmpty)
    }

    @Test("refuses a first pause that is longer than the longest, about the file as a whole")
    func backoffOrder() {
        let file = read("backoff = 5m to 1s")
        #expect(
            file.faults.map(\.description) == [
                "jobs/mod.conf: backoff: the first pause is longer than the longest"
            ])
    }

    @Test("counts its lines and ends its comments the same with the line ends of Windows")
    func windowsLines() {
        let file = read("# a comment\r\nlanes = 3\r\nlanes = four\r\n")
        #expect(file.definition.lanes == 3)
        #expect(file.faults.map(\.line) == [3])
    }

    @Test(
        "may be called by names of a-z, 0-9, _ and - only",
        arguments: [
            ("mod", true), ("a_b-9", true), (String(repeating: "a", count: 64), true), ("", false),
            ("Mod", false),
            ("a b", false), ("a.b", false), ("ä", false), ("a\0", false),
            (String(repeating: "a", count: 65), false),
        ])
    func names(text: String, isName: Bool) {
        #expect(Definition.isName(text) == isName)
    }
}
