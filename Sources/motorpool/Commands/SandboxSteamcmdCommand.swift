internal import Glibc
internal import Sandbox

/// What the sandbox's executable in the place of steamcmd calls.
enum SandboxSteamcmdCommand: Command {
    static let name = "sandbox-steamcmd"
    static let summary = "Behave like steamcmd, and fetch from a sandbox"
    static let isInternal = true
    static let operands = [Operand("URL")]
    static let takesRest = true
    static let notes = "Its command line stands behind a --. The sandbox makes a script that calls it."

    static func run(_ call: Invocation) async throws -> ExitCode {
        guard let home = getenv("HOME").map({ String(cString: $0) }) else {
            throw Refusal("HOME is not set", .configuration)
        }
        var steamcmd = StandInSteamcmd(sandbox: call.operands[0], home: home)
        // Its codes are its own, so they are not among ours.
        exit(await steamcmd.run(Array(call.operands.dropFirst())))
    }
}
