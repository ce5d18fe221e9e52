internal import Farm
internal import Glibc
internal import Jobs

/// One setting: a variable, perhaps a flag, and how it is read.
struct Setting: Sendable {
    /// Which commands read it.
    enum Group: Sendable {
        case database
        case policies
        case trial
        case farm
        case remote
        case front
        case log
        case workshop
    }

    let group: Group
    let variable: String
    let flag: Flag?
    let expected: String
    var isSecret = false
    /// What its flag says when that takes no value.
    var switchText = "1"
    let read: @Sendable (_ text: String, _ settings: inout Settings) -> Bool

    /// Where it was said and what; `nil` when it was not. An empty variable counts as none.
    func given(_ flags: [String: String], _ switches: Set<String>) -> (source: String, text: String)? {
        if let flag, let text = flags[flag.name] { return (flag.name, text) }
        if let flag, switches.contains(flag.name) { return (flag.name, switchText) }
        guard let value = getenv(variable), value.pointee != 0 else { return nil }
        return (variable, String(cString: value))
    }

    /// Every setting there is.
    static let all = queue + front + log + workshop

    private static let queue: [Setting] = [
        Setting(
            group: .database, variable: "DATABASE_URL",
            flag: Flag(
                "--database-url", "URL",
                "The database (DATABASE_URL); without one, the private server in --state"),
            expected: "an address like postgres://user@host/name, or host=… dbname=…", isSecret: true
        ) { text, it in
            guard text.hasPrefix("postgres://") || text.hasPrefix("postgresql://") || text.contains("=")
            else { return false }
            it.database = text
            return true
        },
        Setting(
            group: .database, variable: "MOTORPOOL_POOLED",
            flag: Flag(
                "--pooled", "The database is behind pgbouncer in transaction mode (MOTORPOOL_POOLED=1)"),
            expected: "1 or 0"
        ) { text, it in
            it.isPooled = text == "1"
            it.farm.hasBell = text != "1"
            return text == "1" || text == "0"
        },
        Setting(
            group: .database, variable: "MOTORPOOL_STATE",
            flag: Flag("--state", "DIR", "The state folder (MOTORPOOL_STATE); default \(StateFolder.words)"),
            expected: "a folder"
        ) { text, it in
            it.state = text
            return true
        },
        Setting(
            group: .remote, variable: "MOTORPOOL_URL",
            flag: Flag(
                "--url", "URL",
                "A farm to be asked over HTTP instead, like http://farm.example:8000 (MOTORPOOL_URL)"),
            expected: "an address like http://farm.example:8000", isSecret: true
        ) { text, it in
            it.remote.url = text
            return (try? RemoteSettings(url: text).address()) != nil
        },
        Setting(
            group: .remote, variable: "MOTORPOOL_TOKEN",
            flag: Flag(
                "--token", "TOKEN",
                "Who asks over HTTP (MOTORPOOL_TOKEN); others of this machine may see a flag for a moment"),
            expected: "a token of letters and digits", isSecret: true
        ) { text, it in
            it.remote.ownToken = text
            return RemoteSettings.isToken(text)
        },
        Setting(
            group: .remote, variable: "MOTORPOOL_TOKEN_FILE",
            flag: Flag("--token-file", "FILE", "The token's file (MOTORPOOL_TOKEN_FILE)"),
            expected: "a file"
        ) { text, it in
            it.remote.tokenFile = text
            return true
        },
        Setting(
            group: .policies, variable: "MOTORPOOL_JOBS",
            flag: Flag(
                "--jobs", "DIR",
                "The folder of the policies (MOTORPOOL_JOBS); default jobs, here or beside the program"),
            expected: "a folder"
        ) { text, it in
            it.jobs = JobsFolder(path: text)
            return true
        },
        Setting(
            group: .policies, variable: "MOTORPOOL_SCHEDULER",
            flag: Flag(
                "--scheduler", "FILE",
                "The schedule (MOTORPOOL_SCHEDULER); default scheduler.conf beside the policies, if there is one"
            ),
            expected: "a file"
        ) { text, it in
            it.scheduler = text
            return true
        },
        Setting(
            group: .farm, variable: "MOTORPOOL_SCHEDULE",
            flag: Flag("--no-schedule", "Fire no slots of the schedule here (MOTORPOOL_SCHEDULE=0)"),
            expected: "1 or 0", switchText: "0"
        ) { text, it in
            it.firesSchedule = text == "1"
            return text == "1" || text == "0"
        },
        Setting(
            group: .policies, variable: "MOTORPOOL_KINDS",
            flag: Flag(
                "--kinds", "LIST",
                "Know only these kinds, by commas (MOTORPOOL_KINDS); the others need no file"),
            expected: "names of kinds, by commas"
        ) { text, it in
            let names = names(text)
            it.kinds = Set(names)
            return !names.isEmpty && names.allSatisfy(Definition.isName)
        },
        Setting(
            group: .trial, variable: "MOTORPOOL_TRIAL",
            flag: Flag(
                "--trial",
                "Know the trial kinds too (noop, sleep, fail, effect, family, abort), with their policies in jobs/trial (MOTORPOOL_TRIAL=1); not for production"
            ),
            expected: "1 or 0"
        ) { text, it in
            it.hasTrialKinds = text == "1"
            return text == "1" || text == "0"
        },
        Setting(
            group: .trial, variable: "MOTORPOOL_TRIAL_LEDGER", flag: nil, expected: "an absolute path"
        ) { text, it in
            it.trialLedger = text
            return text.hasPrefix("/")
        },
        Setting(
            group: .farm, variable: "MOTORPOOL_QUEUES",
            flag: Flag("--queues", "LIST", "Work only these queues, by commas (MOTORPOOL_QUEUES)"),
            expected: "names of queues, by commas"
        ) { text, it in
            let names = names(text)
            it.farm.queues = Set(names)
            return !names.isEmpty && names.allSatisfy(Definition.isName)
        },
        Setting(
            group: .farm, variable: "MOTORPOOL_NAME",
            flag: Flag("--name", "NAME", "How people know this worker (MOTORPOOL_NAME); default host:pid"),
            expected: "1 to 200 characters"
        ) { text, it in
            it.farm.name = text
            return text.count <= 200
        },
        time(
            "LEASE", "How long a silent worker is believed to live", \.farm.lease, from: .seconds(1),
            to: .seconds(3600)),
        time(
            "GRACE", "How long running jobs may go on after the first SIGTERM", \.farm.grace, from: .zero,
            to: .seconds(86400)),
        time(
            "POLL", "How long a queue without a bell waits before it looks again", \.farm.pollInterval,
            from: .milliseconds(10), to: .seconds(3600)),
        time(
            "LIFT_AFTER", "A job that waited so long behind more urgent ones moves up", \.farm.liftAfter,
            from: .seconds(1), to: .seconds(86400 * 30)),
        whole(
            .farm, "LOST_LANES", "With so many lanes lost to runs that don't end, the process ends with 70",
            1...1000, \.farm.lostLanesMax),
        whole(.farm, "HISTORY_DAYS", "How many days outcomes are kept", 1...30, \.farm.historyDays),
        whole(.farm, "KEY_HOURS", "How many hours an idempotency key is known", 24...8760, \.farm.keyHours),
        whole(.farm, "DEAD_DAYS", "How many days dead jobs are kept", 1...3650, \.farm.deadDays),
        whole(
            .farm, "CONNECTIONS", "Connections to the database, besides two for claims", 1...1000,
            \.connectionsMax),
        Setting(
            group: .farm, variable: "MOTORPOOL_KILLPOINT", flag: nil,
            expected: "place:count or place:count:stop, with a place of "
                + KillPoint.Place.allCases.map(\.rawValue).joined(separator: ", ")
        ) { text, it in
            it.farm.killPoint = KillPoint(text: text)
            return it.farm.killPoint != nil
        },
    ]

    /// A setting that has a flag of its own name, a default that its help tells, and a place where what was read is put.
    ///
    /// - Parameter read: `nil` when the text is not what was expected.
    static func plain<Value>(
        _ group: Group, _ name: String, _ form: String, _ help: String, standard: String, expected: String,
        at path: any WritableKeyPath<Settings, Value> & Sendable,
        read: @escaping @Sendable (_ text: String) -> Value?
    ) -> Setting {
        let flag = "--" + name.lowercased().map { $0 == "_" ? "-" : String($0) }.joined()
        return Setting(
            group: group, variable: "MOTORPOOL_\(name)",
            flag: Flag(flag, form, "\(help) (MOTORPOOL_\(name)); default \(standard)"), expected: expected
        ) { text, it in
            guard let value = read(text) else { return false }
            it[keyPath: path] = value
            return true
        }
    }

    static func whole(
        _ group: Group, _ name: String, _ help: String, _ range: ClosedRange<Int>,
        _ path: any WritableKeyPath<Settings, Int> & Sendable
    ) -> Setting {
        plain(
            group, name, "N", help, standard: String(Settings()[keyPath: path]),
            expected: "a whole number from \(range.lowerBound) to \(range.upperBound)", at: path
        ) { text in Int(text).flatMap { range.contains($0) ? $0 : nil } }
    }

    private static func time(
        _ name: String, _ help: String, _ path: any WritableKeyPath<Settings, Duration> & Sendable,
        from: Duration, to: Duration
    ) -> Setting {
        plain(
            .farm, name, "TIME", help, standard: Settings()[keyPath: path].text,
            expected: "a time from \(from.text) to \(to.text), like 15s or 1m30s", at: path
        ) { text in Duration(text: text).flatMap { $0 >= from && $0 <= to ? $0 : nil } }
    }

    /// Names by commas, spaces between them or not.
    private static func names(_ text: String) -> [String] {
        text.split(separator: ",").map { String($0.filter { $0 != " " }) }
    }
}
