/// One word that motorpool understands, with everything there is to say about it.
///
/// Help and dispatch are made from `CommandList.all`; a command is one file.
protocol Command: Sendable {
    static var name: String { get }
    /// One line for the list of commands.
    static var summary: String { get }
    /// Whether it is called by programs of ours alone; the list of commands is for people.
    static var isInternal: Bool { get }
    /// What stands behind the name, without a flag.
    static var operands: [Operand] { get }
    /// Whether everything behind the operands and a `--` belongs to it as well.
    static var takesRest: Bool { get }
    static var flags: [Flag] { get }
    /// The settings that it reads, each as a variable and as a flag.
    static var settings: Set<Setting.Group> { get }
    /// Further lines of its help.
    static var notes: String { get }
    /// Whether SIGTERM and SIGINT ask it to end in good order instead of ending it.
    static var drainsOnSignals: Bool { get }
    /// Whether SIGHUP makes it read its files again, where the other signals drain; otherwise SIGHUP drains as well.
    static var reloadsOnHangUp: Bool { get }

    /// Called before `run`, while the process has one thread.
    static func prepare(_ call: Invocation) throws
    static func run(_ call: Invocation) async throws -> ExitCode
}

extension Command {
    static var isInternal: Bool { false }
    static var operands: [Operand] { [] }
    static var takesRest: Bool { false }
    static var flags: [Flag] { [] }
    static var settings: Set<Setting.Group> { [] }
    static var notes: String { "" }
    static var drainsOnSignals: Bool { false }
    static var reloadsOnHangUp: Bool { false }
    static func prepare(_ call: Invocation) throws {}

    /// Its own flags and those of the settings it reads.
    ///
    /// Where both have one name, the command's own is meant.
    static var allFlags: [Flag] {
        let own = Set(flags.map(\.name))
        let others = Setting.all.filter { settings.contains($0.group) }.compactMap(\.flag)
        return flags + others.filter { !own.contains($0.name) }
    }
}

/// A word behind the name of a command.
struct Operand: Sendable {
    let name: String
    let isRequired: Bool

    init(_ name: String, isRequired: Bool = true) {
        self.name = name
        self.isRequired = isRequired
    }
}

/// `--name`, or `--name VALUE`.
struct Flag: Sendable {
    /// With its dashes.
    let name: String
    /// What the value is called in the help; `nil`: the flag takes none.
    let value: String?
    let help: String

    init(_ name: String, _ help: String) {
        self.name = name
        value = nil
        self.help = help
    }

    init(_ name: String, _ value: String, _ help: String) {
        self.name = name
        self.value = value
        self.help = help
    }

    static let json = Flag("--json", "Machine-readable: JSON, times in UTC")
    static let by = Flag("--by", "NAME", "Who does it, for the record; default $USER")
}
