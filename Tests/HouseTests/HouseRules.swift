import Testing

extension HouseRule {
    /// What each room may import of ours.
    ///
    /// Arrows only go down.
    static let arrows: [String: Set<String>] = [
        "Jobs": [],
        "Platform": ["CPlatform"],
        "Postgres": ["CPostgres", "Platform"],
        "World": ["CArchive", "CBrotli", "CCurl", "CXML", "CZip", "CZlib", "Platform"],
        "Crypto": ["CCrypto"],
        "Store": ["Jobs", "Platform", "Postgres"],
        "HTTPServer": ["CHTTP", "CUV", "CZlib", "Platform"],
        "Farm": ["Jobs", "Store", "Postgres", "Platform"],
        "Front": ["Jobs", "Store", "HTTPServer", "Crypto", "Postgres", "Platform"],
        "Workshop": [
            "Jobs", "Store", "Farm", "Front", "HTTPServer", "World", "Crypto", "Postgres", "Platform",
        ],
        "Sandbox": ["Jobs", "HTTPServer", "World", "Platform"],
        "Trial": ["Jobs", "Farm", "Store", "Postgres", "Platform"],
        "Bench": ["Jobs", "Farm", "Store", "Postgres", "Platform", "Crypto"],
        "motorpool": [
            "Jobs", "Store", "HTTPServer", "Farm", "Front", "Trial", "Bench", "Postgres", "Platform",
            "Crypto", "World", "Workshop", "Sandbox",
        ],
    ]

    /// Every name that is a room of ours or a map of C.
    private static let rooms = Set(arrows.keys).union([
        "CArchive", "CBrotli", "CCrypto", "CCurl", "CHTTP", "CPlatform", "CPostgres", "CUV", "CXML", "CZip",
        "CZlib",
        "TestSupport",
    ])

    /// The rules for what stands in `Sources`.
    static let all: [HouseRule] = [
        HouseRule(
            name: "imports go down only",
            reason: """
                A room that knows the one above it can no longer be read, tested or replaced alone; the map is in \
                docs/architecture.md.
                """,
            broken: { file in
                let below = arrows[file.room] ?? []
                return file.imports.filter { rooms.contains($0.module) && !below.contains($0.module) }.map(
                    \.line)
            },
            bad: ("Sources/Store/Bell.swift", "package import Jobs\ninternal import Farm"),
            good: ("Sources/Farm/Lane.swift", "import Jobs\npackage import Store")),
        HouseRule(
            name: "every room stands on the map",
            reason: "A folder that the table of arrows does not know is held by no rule.",
            broken: { arrows[$0.room] == nil ? [1] : [] },
            bad: ("Sources/Attic/Box.swift", "struct Box {}"),
            good: ("Sources/Farm/Lane.swift", "struct Lane {}")),
        HouseRule(
            name: "libpq is spoken in Postgres only",
            reason:
                "Its pointers, threads and error texts have one wrapper; a second one would get one of them wrong.",
            broken: { file in
                file.room == "Postgres" ? [] : file.imports.filter { $0.module == "CPostgres" }.map(\.line)
            },
            bad: ("Sources/Bench/Round.swift", "internal import CPostgres"),
            good: ("Sources/Postgres/Session.swift", "internal import CPostgres")),
        HouseRule(
            name: "pages and archives are opened in World only",
            reason: "Its wrappers count what a hostile one may use up; a second way in would count nothing.",
            broken: { file in
                let maps: Set<String> = ["CXML", "CArchive", "CZip"]
                guard file.room != "World" else { return [] }
                return file.imports.filter { maps.contains($0.module) }.map(\.line)
            },
            bad: ("Sources/Farm/Lane.swift", "internal import CXML"),
            good: ("Sources/World/Markup/Node.swift", "internal import CXML")),
        HouseRule(
            name: "libcurl is spoken in World only",
            reason:
                "There every address is judged before it is asked; a second speaker would ask unjudged ones.",
            broken: { file in
                file.room == "World" ? [] : file.imports.filter { $0.module == "CCurl" }.map(\.line)
            },
            bad: ("Sources/Farm/Lane.swift", "internal import CCurl"),
            good: ("Sources/World/Web/Transfer.swift", "internal import CCurl")),
        HouseRule(
            name: "Jobs asks nothing of the system",
            reason:
                "It is the vocabulary: pure, so that its rules are tested by tables, with clocks handed in.",
            broken: { file in
                guard file.room == "Jobs" else { return [] }
                let system: Set<String> = [
                    "Glibc", "Foundation", "FoundationNetworking", "Dispatch", "Synchronization",
                ]
                let clocks = file.lines(
                    with: pattern(#"\.now\b|\bDate\(\)|\b(Continuous|Suspending)Clock\b"#))
                return file.imports.filter { system.contains($0.module) }.map(\.line) + clocks
            },
            bad: ("Sources/Jobs/Patience.swift", "let start = ContinuousClock.now"),
            good: (
                "Sources/Jobs/Patience.swift", "import FoundationEssentials\nfunc due(from now: Duration) {}"
            )),
        HouseRule(
            name: "no room imports the whole of Foundation",
            reason:
                "It brings 30 MB of language tables into a farm of 36 MB; FoundationEssentials has what is needed.",
            broken: { file in
                file.imports.filter { ["Foundation", "FoundationNetworking"].contains($0.module) }.map(\.line)
            },
            bad: ("Sources/Store/Bell.swift", "internal import Foundation"),
            good: ("Sources/Store/Bell.swift", "internal import FoundationEssentials")),
        HouseRule(
            name: "the queue's tables are named in Store only",
            reason: """
                A statement elsewhere would skip the guards that stand in the statements there. The view \
                motorpool.conditions is published for reading.
                """,
            exceptions: [
                ("Sources/Bench/BenchPlace.swift", "empties a scratch database between two measurements"),
                (
                    "Sources/Bench/Drain.swift",
                    "loads a crowd of a million at once, and watches it from outside"
                ),
                ("Sources/Bench/Latency.swift", "waits for the farm under measurement from outside"),
            ],
            broken: { file in
                guard file.room != "Store" else { return [] }
                return file.lines(
                    with: pattern(
                        #"(?i)\b(from|join|into|update|table|truncate|only|on|call|select)\s+motorpool\.(?!conditions\b)"#
                    ))
            },
            bad: ("Sources/Farm/Lane.swift", #"let sql = "UPDATE motorpool.jobs SET state = 1""#),
            good: ("Sources/Postgres/Cluster.swift", #"let file = folder + "/motorpool.conf""#)),
        HouseRule(
            name: "loops and tasks live where things are kept running",
            reason: """
                Vocabulary, statements and kinds say what happens; when and how often is decided in one place, or \
                nobody can say what still runs after the end.
                """,
            exceptions: [
                (
                    "Sources/Store/Bell.swift",
                    "a ring outlives the enqueue that it follows; it ends when nothing is due"
                ),
                (
                    "Sources/Trial/Sleep.swift",
                    "blocks the threads that the whole process shares, as a bad library would: that is what it is for"
                ),
            ],
            broken: { file in
                guard ["Jobs", "Store", "Trial"].contains(file.room) else { return [] }
                // The kind that sleeps has to.
                let waits = file.room == "Trial" ? #"while true"# : #"while true|\bTask\.sleep\b"#
                return file.lines(with: pattern(#"\bTask(\.detached)?(\([^)]*\))?\s*\{|"# + waits))
            },
            bad: ("Sources/Store/Store.swift", "Task { await ring() }"),
            good: ("Sources/Farm/Lane.swift", "while true { try await Task.sleep(for: pause) }")),
        HouseRule(
            name: "the environment is read in motorpool only",
            reason:
                "Settings are read once, all faults at once, and handed down; a room that looks for itself lies in tests.",
            exceptions: [
                (
                    "Sources/World/Child/RunningProcess.swift",
                    "looks for a mark in the surroundings of other processes"
                ),
                ("Sources/Sandbox/Burglar.swift", "tries whether another process's surroundings can be read"),
                (
                    "Sources/Postgres/ConnectionTarget.swift",
                    "asks whether libpq will find a choice of its own there: PGSSLMODE, PGSERVICE, PGHOST"
                ),
            ],
            broken: { file in
                guard file.room != "motorpool" else { return [] }
                return file.lines(with: pattern(#"\b(secure_)?getenv\b|\bProcessInfo\b|\benviron\b"#))
            },
            bad: ("Sources/Farm/Lane.swift", #"let lanes = getenv("LANES")"#),
            good: ("Sources/Platform/ChildProcess.swift", "func start(environment: [String: String]) {}")),
        HouseRule(
            name: "@unchecked Sendable has its reason above it",
            reason: "It switches the compiler's check off; the comment says what does the checking instead.",
            broken: { file in
                file.lines(with: pattern("@unchecked Sendable")).filter { line in
                    !file.lines[max(0, line - 4)..<line].contains { $0.contains("//") }
                }
            },
            bad: ("Sources/Postgres/Rows.swift", "final class Rows: @unchecked Sendable {}"),
            good: (
                "Sources/Postgres/Rows.swift",
                "// Immutable once made.\nfinal class Rows: @unchecked Sendable {}"
            )),
        HouseRule(
            name: "a wait is a Promise, not a raw continuation",
            reason: """
                A continuation that is resumed twice ends the process, and one that is dropped suspends its task for ever; a \
                Promise of Platform can do neither.
                """,
            exceptions: [
                ("Sources/Platform/Promise.swift", "the one type that holds them for all others"),
                (
                    "Sources/Platform/BlockingThread.swift",
                    "the thread's body ends with the one resume, and a thread can't be cancelled"
                ),
                (
                    "Sources/Store/Bell.swift",
                    "taken out of the list under its lock; the ringer ends only when it has emptied that list"
                ),
                (
                    "Sources/Farm/Pool",
                    "a lane's continuation leaves the table of idle lanes under its lock, with the job or at the end"
                ),
                (
                    "Sources/HTTPServer/Connection",
                    "all on the thread of one event loop; each is set to nil where it is resumed, and vanish resumes all"
                ),
                (
                    "Sources/HTTPServer/Door.swift",
                    "taken out of the list under its lock when the last connection leaves"
                ),
                (
                    "Sources/Postgres/ConnectionWorker.swift",
                    "resumed by what takes the request out of the queue under its lock; the thread's end takes the rest"
                ),
                (
                    "Sources/Postgres/Database.swift",
                    "a lease must not be lost: only what takes the waiter out of the pool under its lock may resume it"
                ),
                ("Sources/Postgres/PoolState.swift", "holds the waiters of Database"),
                (
                    "Sources/World/Markup/Gate.swift",
                    "a turn must not be lost: only what takes the ticket out of the queue under its lock may resume it"
                ),
                (
                    "Sources/World/Web/",
                    "an order is in one list of the loop's thread at a time, and ends where it is taken out of it"
                ),
                (
                    "Sources/motorpool/Commands/ServeCommand.swift",
                    "an action of Shutdown, which runs each action once: at the signal, or at once after it"
                ),
                (
                    "Sources/motorpool/Commands/SandboxCommand.swift",
                    "an action of Shutdown, which runs each action once: at the signal, or at once after it"
                ),
            ],
            broken: { file in
                file.lines(
                    with: pattern(
                        #"\bwith(Checked|Unsafe)(Throwing)?Continuation\b|\b(Checked|Unsafe)Continuation\b"#))
            },
            bad: ("Sources/Farm/Lane.swift", "await withCheckedContinuation { waiters.append($0) }"),
            good: (
                "Sources/Farm/Lane.swift",
                "// no CheckedContinuation\ntry await Promise.wait { waiters.append($0) }"
            )),
        HouseRule(
            name: "nothing is public",
            reason:
                "There is no outside: rooms and tests meet at `package`, and public would stop specialisation.",
            broken: { $0.lines(with: pattern(#"^\s*(@\w+\s+)*(public|open)\s+[a-z]"#)) },
            bad: ("Sources/Farm/Lane.swift", "public struct Lane {}"),
            good: ("Sources/Farm/Lane.swift", "package struct Lane { var isOpen: Bool }\nopen += 1")),
        HouseRule(
            name: "nothing is left to be done in a comment",
            reason:
                "A note in the code is read by nobody who could act on it: do it, or say what is and why.",
            broken: { file in
                file.lines.indices.filter { file.lines[$0].contains(pattern(#"\b(TODO|FIXME|XXX)\b"#)) }.map {
                    $0 + 1
                }
            },
            bad: ("Sources/Farm/Lane.swift", "// TODO: later"),
            good: ("Sources/Farm/Lane.swift", "// What is to do comes from the store.")),
        HouseRule(
            name: "no file is longer than 600 lines",
            reason: "There is a second noun in it, and nobody finds it there.",
            broken: { $0.lines.count > 601 ? [601] : [] },
            bad: ("Sources/Farm/Lane.swift", String(repeating: "\n", count: 601)),
            good: ("Sources/Farm/Lane.swift", String(repeating: "\n", count: 600))),
    ]

    /// The rule for what stands in `Tests`.
    static let testsAreFound = HouseRule(
        name: "a file of tests holds a test",
        reason: "A promise without its attribute is silent: it is compiled, never run, and looks kept.",
        broken: { file in
            let parts = file.path.split(separator: "/")
            guard parts.count > 2, parts[1].hasSuffix("Tests"), file.path.hasSuffix("Tests.swift") else {
                return []
            }
            return file.lines(with: pattern(#"@Test\b"#)).isEmpty ? [1] : []
        },
        bad: ("Tests/FarmTests/LaneTests.swift", "func claims() {}"),
        good: ("Tests/FarmTests/LaneTests.swift", "@Test func claims() {}"))

    private static func pattern(_ text: String) -> Regex<AnyRegexOutput> {
        do { return try Regex(text) } catch {
            preconditionFailure("a pattern of ours does not parse: \(error)")
        }
    }
}
