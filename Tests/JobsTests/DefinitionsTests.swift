import Jobs
import Testing

@Suite("The definitions of a farm")
struct DefinitionsTests {
    private typealias File = (kind: String, file: String, text: String)

    private func load(_ files: [(String, String)], kinds: [String]) -> (
        definitions: Definitions, faults: [Fault]
    ) {
        Definitions.load(
            files: files.map { ($0.0, "jobs/\($0.0).conf", $0.1) }, compiledKinds: kinds, folder: "jobs")
    }

    @Test("join their files by kind, queue and host")
    func joined() {
        let (all, faults) = load(
            [
                ("a", "queue = one\nlanes = 3\nhost = h 1/s"), ("b", "queue = one"),
                ("c", "queue = two\nhost = h 1/s\nhost = i 2/s"),
            ], kinds: ["a", "b", "c"])
        #expect(faults.isEmpty)
        #expect(all.kinds == ["a", "b", "c"])
        #expect(all.lanes == ["one": 3, "two": Definition.lanesDefault])
        #expect(all.hosts == ["h": Rate(count: 1, per: .seconds(1)), "i": Rate(count: 2, per: .seconds(1))])
        #expect(all["b"]?.queue == "one")
        #expect(all["d"] == nil)
    }

    @Test("refuse a file without a kind, and name the kinds")
    func fileWithoutKind() {
        let (_, faults) = load([("mod", ""), ("mdo", "")], kinds: ["mod", "sync"])
        #expect(faults.count == 2)
        #expect(faults[0].file == "jobs/mdo.conf")
        #expect(faults[0].message.contains("“mdo”") && faults[0].message.contains("mod, sync"))
        #expect(faults[1].description == "jobs/sync.conf: the kind “sync” has no file")
    }

    @Test("refuse two files that disagree about a queue's lanes")
    func lanesDisagree() {
        let (_, faults) = load([("a", "lanes = 3"), ("b", "lanes = 4")], kinds: ["a", "b"])
        #expect(faults.map(\.file) == ["jobs/b.conf"])
        #expect(faults[0].message == "lanes = 4 for the queue default, but jobs/a.conf says 3")
    }

    @Test("let two files agree about a queue's lanes and a host's rate")
    func agreed() {
        let text = "lanes = 3\nhost = h 1/s"
        #expect(load([("a", text), ("b", text)], kinds: ["a", "b"]).faults.isEmpty)
    }

    @Test("refuse two files that disagree about a host's rate")
    func hostsDisagree() {
        let (_, faults) = load([("a", "host = h 1/s"), ("b", "host = h 2/s")], kinds: ["a", "b"])
        #expect(faults.map(\.message) == ["host h at 2/1s, but jobs/a.conf says 1/1s"])
    }

    @Test("tell every fault of every file at once")
    func everything() {
        let (_, faults) = load(
            [("a", "lanes = 3\ncolour = red"), ("b", "lanes = 4\njitter = much"), ("x", "queue = !")],
            kinds: ["a", "b", "c"])
        #expect(faults.count == 6)
        #expect(Set(faults.map(\.file)) == ["jobs/a.conf", "jobs/b.conf", "jobs/c.conf", "jobs/x.conf"])
    }
}
