internal import Jobs
internal import Workshop

/// A command line, taken apart: what was asked of which command, with which settings.
struct Invocation: Sendable {
    let command: any Command.Type
    private(set) var operands: [String] = []
    private var values: [String: String] = [:]
    private var switches: Set<String> = []
    /// Read once, here.
    private(set) var settings = Settings()
    let shutdown: Shutdown

    /// - Parameter words: what stands behind the command's name.
    /// - Throws: `UsageError`.
    init(_ command: any Command.Type, words: [String], shutdown: Shutdown) throws {
        self.command = command
        self.shutdown = shutdown
        try take(words)
        try checkOperands()
    }

    /// Reads the settings that the command knows, flags before variables.
    /// - Throws: `ConfigurationFaults`, all at once.
    mutating func readSettings() throws {
        let own = Set(command.flags.map(\.name))
        settings = try Settings.read(
            command.settings, flags: values.filter { !own.contains($0.key) },
            switches: switches.subtracting(own))
    }

    /// The same with other settings.
    func changing(_ change: (inout Settings) -> Void) -> Invocation {
        var copy = self
        change(&copy.settings)
        return copy
    }

    /// The same with Steam somewhere else.
    func with(_ steam: SteamSettings) -> Invocation {
        var copy = self
        copy.settings.steamSource = steam
        return copy
    }

    func has(_ flag: Flag) -> Bool { switches.contains(flag.name) }

    func text(_ flag: Flag) -> String? { values[flag.name] }

    /// - Throws: `UsageError` when there is a value that `read` doesn't take.
    func value<T>(_ flag: Flag, expected: String, _ read: (String) -> T?) throws -> T? {
        guard let text = values[flag.name] else { return nil }
        guard let value = read(text) else {
            throw UsageError("\(flag.name): expected \(expected), found “\(text)”")
        }
        return value
    }

    func time(_ flag: Flag) throws -> Duration? {
        try value(flag, expected: "a time like 250ms, 30s, 5m or 1h30m") { Duration(text: $0) }
    }

    func whole(_ flag: Flag, in range: ClosedRange<Int>) throws -> Int? {
        try value(flag, expected: "a whole number from \(range.lowerBound) to \(range.upperBound)") { text in
            Int(text).flatMap { range.contains($0) ? $0 : nil }
        }
    }

    /// The operand at `index` as the number of a job.
    func job(at index: Int = 0) throws -> JobID {
        guard let number = Int64(operands[index]), number > 0 else {
            throw UsageError("expected the number of a job, found “\(operands[index])”")
        }
        return JobID(number)
    }

    private mutating func take(_ words: [String]) throws {
        var rest = words[...]
        while let word = rest.popFirst() {
            if word == "--" {
                operands += rest
                return
            }
            guard word.hasPrefix("-"), word != "-" else {
                operands.append(word)
                continue
            }
            try takeFlag(word, &rest)
        }
    }

    private mutating func takeFlag(_ word: String, _ rest: inout ArraySlice<String>) throws {
        let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(
            String.init)
        guard let flag = command.allFlags.first(where: { $0.name == parts[0] }) else {
            throw UsageError("\(command.name) knows no flag \(parts[0])\(known)")
        }
        guard let value = flag.value else {
            guard parts.count == 1 else { throw UsageError("\(flag.name) takes no value") }
            switches.insert(flag.name)
            return
        }
        if parts.count == 2 {
            values[flag.name] = parts[1]
        } else if let next = rest.popFirst() {
            values[flag.name] = next
        } else {
            throw UsageError("\(flag.name) expects a value: \(flag.name) \(value)")
        }
    }

    private var known: String {
        let names = command.allFlags.map(\.name)
        return names.isEmpty ? ": it takes none" : "; its flags are \(names.joined(separator: ", "))"
    }

    private func checkOperands() throws {
        let expected = command.operands
        if let missing = expected.dropFirst(operands.count).first(where: \.isRequired) {
            throw UsageError("\(command.name) expects \(missing.name)")
        }
        if operands.count > expected.count, !command.takesRest {
            throw UsageError("\(command.name) does not expect “\(operands[expected.count])”")
        }
    }
}
