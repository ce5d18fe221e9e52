/// What was asked on the command line.
struct Options: Sendable {
    /// Nil when nothing was said about it.
    var killsAsked: Int?
    var kills: Int { killsAsked ?? 20 }
    var scale = 1.0
    var seed = UInt64.random(in: 0...0xffff_ffff)
    var breaksFence = false
    var isJSON = false
    /// How long the schedule's scenario fires.
    var seconds = 15
    /// How many times what a promise allows a scenario may take.
    var tolerance = 1.0
    /// A scenario's name or `all`; nil for the torture itself.
    var scenario: String?
    var isHelp = false

    static let usage = """
        Usage: torture [--kills N] [--scale S] [--seed X] [--break fence] [--json]
               torture scenario NAME|all [--seed X] [--kills N] [--seconds N] [--tolerance T] [--json]

        Kills worker processes, cuts connections and crashes PostgreSQL while jobs run, and counts:
        nothing may be lost, nothing doubled. Runs on a PostgreSQL of its own, as an unprivileged user.

          --kills N      so many SIGKILLs; stops, cuts, terminations and crashes in proportion (20; in the
                         scenario of downloads \(Downloads.killsUsual))
          --scale S      so many times the load (1)
          --seed X       repeats the faults of a run; without one it is drawn, and printed
          --break fence  removes the guard of commit: the torture must find doubled effects
          --seconds N    how long the scenario of the schedule fires (15)
          --tolerance T  so many times what a promise allows may something take, on a busy machine (1)
          --json         the result as one JSON document

        The scenarios: \(Scenarios.names).
        The program is MOTORPOOL_BINARY, or motorpool beside this one.

        Exit: 0 all is well; 1 something was lost, doubled or unexpected, or the faults did not bite;
        64 not understood; 70 the torture itself could not go on.
        """

    /// - Throws: `TortureError` with what was expected.
    init(_ arguments: [String]) throws {
        var rest = arguments[...]
        while let word = rest.popFirst() {
            switch word {
            case "--help", "-h", "help": isHelp = true
            case "--json": isJSON = true
            case "--kills": killsAsked = try Options.number(word, rest.popFirst(), 1...100_000)
            case "--seconds": seconds = try Options.number(word, rest.popFirst(), 8...3600)
            case "--seed":
                guard let text = rest.popFirst(), let value = UInt64(text) else {
                    throw TortureError("--seed: expected a whole number")
                }
                seed = value
            case "--scale": scale = try Options.factor(word, rest.popFirst())
            case "--tolerance": tolerance = try Options.factor(word, rest.popFirst())
            case "--break":
                guard rest.popFirst() == "fence" else { throw TortureError("--break: expected fence") }
                breaksFence = true
            case "scenario":
                guard let name = rest.popFirst(),
                    name == "all" || Scenarios.all.contains(where: { $0.name == name })
                else {
                    throw TortureError(
                        "scenario: expected all, or one of \(Scenarios.names)")
                }
                scenario = name
            default: throw TortureError("“\(word)” is not understood")
            }
        }
    }

    private static func factor(_ flag: String, _ text: String?) throws -> Double {
        guard let text, let value = Double(text), value > 0, value <= 100 else {
            throw TortureError("\(flag): expected a number above 0, at most 100")
        }
        return value
    }

    private static func number(_ flag: String, _ text: String?, _ range: ClosedRange<Int>) throws -> Int {
        guard let text, let value = Int(text), range.contains(value) else {
            throw TortureError(
                "\(flag): expected a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }
}
