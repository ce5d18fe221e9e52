internal import Front
internal import Jobs

/// Makes tokens, and shows those of this machine.
enum TokenCommand: Command {
    static let name = "token"
    static let summary =
        "Make a token for the front, or show one that the farm of this machine made for itself"
    static let operands = [Operand("new|show|header"), Operand("producer|operator", isRequired: false)]
    static let settings: Set<Setting.Group> = [.database]
    static let role = Flag("--role", "ROLE", "What it allows: reader, producer, operator or money")
    static let holder = Flag("--name", "NAME", "Who holds it, for logs and the record")
    static let kinds = Flag("--kinds", "KINDS", "The only kinds that it may ask for and see, by commas")
    static let flags = [role, holder, kinds, Flag.json]
    static let notes = """
        token new --role ROLE --name NAME makes a token.
        token show ROLE prints the token of this machine that up made at its first start: producer or operator.
        token header ROLE prints it as a field for curl: curl -H @<(motorpool token header producer) …

        The token is printed once and kept nowhere. The line below it belongs into MOTORPOOL_TOKENS, or
        into the file of MOTORPOOL_TOKENS_FILE: it holds only a digest. To take a token back, remove its
        line and start the front anew.
        """

    static func run(_ call: Invocation) async throws -> ExitCode {
        switch call.operands[0] {
        case "new": return try make(call)
        case "show": Console.print(try own(call))
        case "header": Console.print("Authorization: Bearer \(try own(call))")
        default: throw UsageError("token expects new, show or header, found “\(call.operands[0])”")
        }
        return .ok
    }

    /// The token of this machine for the role that the command line names.
    private static func own(_ call: Invocation) throws -> String {
        let words = LocalTokens.roles.map(\.rawValue).joined(separator: " or ")
        guard call.operands.count > 1,
            let role = LocalTokens.roles.first(where: { $0.rawValue == call.operands[1] })
        else { throw UsageError("token \(call.operands[0]) expects a role: \(words)") }
        guard let secret = try LocalTokens(state: call.settings.state).secret(role) else {
            throw Refusal(
                "the state folder \(call.settings.state) has no token yet: the first start of motorpool up makes it"
            )
        }
        return secret
    }

    private static func make(_ call: Invocation) throws -> ExitCode {
        guard call.operands.count == 1 else {
            throw UsageError("token new expects --role and --name, found “\(call.operands[1])”")
        }
        let roles = Role.allCases.filter { $0 != .anyone }
        let names = roles.map(\.rawValue).joined(separator: ", ")
        guard
            let role = try call.value(
                role, expected: "one of \(names)", { text in roles.first { $0.rawValue == text } })
        else { throw UsageError("token new expects --role, one of \(names)") }
        let expected = "1 to 64 letters, digits, dots, dashes and underscores, and not “public”"
        guard let name = try call.value(holder, expected: expected, { Token.isName($0) ? $0 : nil }) else {
            throw UsageError("token new expects --name")
        }
        let kinds = try call.value(
            kinds, expected: "1 to \(Token.kindsMax) names of kinds by commas, each once",
            { Token.kinds($0, separator: ",") })
        guard kinds == nil || role != .operator else {
            throw UsageError("token new: --kinds is not for operators, whose pages show every kind")
        }
        let (secret, token) = Token.new(name: name, role: role, kinds: kinds)
        if call.has(.json) {
            Console.print(JSONText.object([("token", .string(secret)), ("line", .string(token.line))]).text)
        } else {
            Console.print("token  \(secret)\nline   \(token.line)")
        }
        return .ok
    }
}
