internal import Front
internal import Jobs

/// Makes tokens.
enum TokenCommand: Command {
    static let name = "token"
    static let summary = "Make a token for the front: token new --role ROLE --name NAME"
    static let operands = [Operand("new")]
    static let role = Flag("--role", "ROLE", "What it allows: reader, producer, operator or money")
    static let holder = Flag("--name", "NAME", "Who holds it, for logs and the record")
    static let flags = [role, holder, Flag.json]
    static let notes = """
        The token is printed once and kept nowhere. The line below it belongs into MOTORPOOL_TOKENS, or
        into the file of MOTORPOOL_TOKENS_FILE: it holds only a digest. To take a token back, remove its
        line and start the front anew.
        """

    static func run(_ call: Invocation) async throws -> ExitCode {
        guard call.operands[0] == "new" else {
            throw UsageError("token expects new, found “\(call.operands[0])”")
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
        let (secret, token) = Token.new(name: name, role: role)
        if call.has(.json) {
            Console.print(JSONText.object([("token", .string(secret)), ("line", .string(token.line))]).text)
        } else {
            Console.print("token  \(secret)\nline   \(token.line)")
        }
        return .ok
    }
}
