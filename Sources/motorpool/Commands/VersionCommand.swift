internal import Jobs

/// Tells which motorpool this is.
enum VersionCommand: Command {
    static let name = "version"
    static let summary = "Tell the version"
    static let flags: [Flag] = [.json]
    static let version = "0.1.0"

    static func run(_ call: Invocation) async throws -> ExitCode {
        Console.print(
            call.has(.json) ? JSONText.object([("version", .string(version))]).text : "motorpool \(version)")
        return .ok
    }
}
