internal import HTTPServer
internal import Sandbox

/// Stands in for Steam until it is asked to end.
enum SandboxCommand: Command {
    static let name = "sandbox"
    static let summary = "Stand in for Steam on this machine, all made up, until SIGTERM"
    static let flags = [port, folder]
    static let drainsOnSignals = true
    static let notes = """
        Point a farm at it: MOTORPOOL_SANDBOX=http://127.0.0.1:8010 MOTORPOOL_STEAMCMD=DIR/steamcmd.
        motorpool up --sandbox starts one beside its farm.

        GET /sandbox/mods tells what there is, GET /sandbox/counts what was asked. A place goes wrong by
        PUT /sandbox/switches/MOD/PLACE:TROUBLE, all for every mod, and is mended by DELETE:
        \(troubles)
        """

    private static let port = Flag("--port", "PORT", "Where it listens on loopback; default 8010, 0 for any")
    private static let folder = Flag(
        "--folder", "DIR", "Where it keeps its files; default sandbox in the state folder")

    private static var troubles: String {
        SandboxSwitch.Place.allCases.flatMap { place in
            "  \(place.rawValue): \(place.troubles.joined(separator: ", "))".folded(
                to: Console.widthMax, indent: 4)
        }.joined(separator: "\n")
    }

    static func run(_ call: Invocation) async throws -> ExitCode {
        let folder = call.text(folder) ?? call.settings.state + "/sandbox"
        let sandbox = try Sandbox(
            port: UInt16(try call.whole(port, in: 0...65535) ?? 8010), folder: folder,
            program: try OwnProgram.path())
        Console.print("MOTORPOOL_SANDBOX=\(sandbox.address)")
        Console.print("MOTORPOOL_STEAMCMD=\(sandbox.steamcmd)")
        await withCheckedContinuation { continuation in
            call.shutdown.whenAsked { continuation.resume() }
        }
        await sandbox.close()
        return .ok
    }
}
