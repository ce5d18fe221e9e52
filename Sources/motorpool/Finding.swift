internal import Jobs

/// One sentence of the doctor's.
struct Finding: Sendable {
    enum Level: String, Sendable {
        case fine
        case warning
        case bad

        var mark: String {
            switch self {
            case .fine: Color.green("✓")
            case .warning: Color.yellow("!")
            case .bad: Color.red("✗")
            }
        }
    }

    let level: Level
    /// One word for machines.
    let topic: String
    let sentence: String

    init(_ level: Level, _ topic: String, _ sentence: String) {
        self.level = level
        self.topic = topic
        self.sentence = sentence
    }

    var text: String {
        let lines = Console.harmless(sentence).folded(to: Console.widthMax - 2, indent: 0)
        return "\(level.mark) \(lines.joined(separator: "\n  "))"
    }

    var json: JSONText {
        .object([
            ("level", .string(level.rawValue)), ("topic", .string(topic)), ("message", .string(sentence)),
        ])
    }
}
