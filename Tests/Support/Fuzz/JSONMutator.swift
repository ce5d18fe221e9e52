internal import Jobs

/// Changes one place of a JSON document, so that it stays a document and says something else.
enum JSONMutator {
    static func changed(_ bytes: [UInt8], _ dice: inout Dice) -> (String, [UInt8]) {
        guard let document = try? JSON(bytes).parts() else {
            // It is none any more: an earlier change broke it.
            return ("as it was", bytes)
        }
        var name = ""
        let made = changed(text(document), &dice, &name)
        return (name, Array(made.text.utf8))
    }

    private static func text(_ part: JSONPart) -> JSONText {
        switch part.value {
        case .null: .null
        case .bool(let flag): .bool(flag)
        case .number(let digits): .raw(digits)
        case .string(let text): .string(text)
        case .array(let parts): .array(parts.map(text))
        case .object(let members): .object(members.map { ($0.name, text($0.part)) })
        }
    }

    private static func changed(_ value: JSONText, _ dice: inout Dice, _ name: inout String) -> JSONText {
        switch value {
        case .array(var items) where !items.isEmpty && dice.chance(0.8):
            let place = dice.int(0...items.count - 1)
            items[place] = changed(items[place], &dice, &name)
            return .array(items)
        case .object(var members) where !members.isEmpty && dice.chance(0.8):
            let place = dice.int(0...members.count - 1)
            members[place].1 = changed(members[place].1, &dice, &name)
            return .object(members)
        case .array(let items): return list(items, &dice, &name)
        case .object(let members): return object(members, &dice, &name)
        default:
            name = "another value"
            return odd(&dice)
        }
    }

    private static func list(_ items: [JSONText], _ dice: inout Dice, _ name: inout String) -> JSONText {
        switch dice.int(0...4) {
        case 0:
            name = "an empty list"
            return .array([])
        case 1:
            name = "a list doubled"
            return .array(items + items)
        case 2:
            name = "a list many times"
            return .array([[JSONText]](repeating: items, count: dice.int(2...200)).flatMap { $0 })
        case 3:
            name = "a list with one more"
            return .array(items + [odd(&dice)])
        default:
            name = "no list"
            return odd(&dice)
        }
    }

    private static func object(
        _ members: [(String, JSONText)], _ dice: inout Dice, _ name: inout String
    ) -> JSONText {
        guard !members.isEmpty else {
            name = "no object"
            return odd(&dice)
        }
        var members = members
        let (one, other) = (dice.int(0...members.count - 1), dice.int(0...members.count - 1))
        switch dice.int(0...5) {
        case 0:
            name = "without “\(members[one].0)”"
            members.remove(at: one)
        case 1:
            name = "“\(members[one].0)” twice, and not the same"
            members.append((members[one].0, odd(&dice)))
        case 2:
            name = "“\(members[one].0)” as “\(members[other].0)”"
            (members[one].1, members[other].1) = (members[other].1, members[one].1)
        case 3:
            name = "“\(members[one].0)” under another name"
            members[one].0 = dice.pick(["", "a", members[other].0, "\u{0}", members[one].0.uppercased()])
        case 4:
            name = "an empty object"
            members = []
        default:
            name = "no object"
            return odd(&dice)
        }
        return .object(members)
    }

    private static func odd(_ dice: inout Dice) -> JSONText {
        switch dice.int(0...7) {
        case 0: .null
        case 1: .bool(dice.chance(0.5))
        case 2: .raw(dice.pick(AnswerFuzzer.oddNumbers.filter { !["", "00"].contains($0) }))
        case 3: .string(dice.pick(AnswerFuzzer.oddNumbers))
        case 4:
            .string(
                dice.pick(["", "\u{0}", "\u{1b}[2J", "ﷺ", "e\u{301}", "https://", "javascript:alert(1)"]))
        case 5: .string(String(repeating: "x", count: dice.chance(0.1) ? 15_000 : dice.int(1...1000)))
        case 6: .array([])
        default: .object([])
        }
    }
}
