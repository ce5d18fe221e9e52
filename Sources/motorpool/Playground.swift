internal import HTTPServer
internal import Jobs
internal import Sandbox
internal import Workshop

/// A sandbox beside the farm, when the settings say so.
enum Playground {
    /// Runs `body` with settings that lead to a sandbox of our own, which ends with it; without one, as they are.
    static func withSandbox(
        _ call: Invocation, _ log: Log, _ body: (Invocation, Sandbox?) async throws -> Void
    ) async throws {
        guard call.settings.startsSandbox else { return try await body(call, nil) }
        let sandbox = try Sandbox(folder: call.settings.state + "/sandbox", program: try OwnProgram.path())
        log.say(
            .info, "sandbox", "a sandbox stands in for Steam at \(sandbox.address): its mods are made up",
            [("address", .string(sandbox.address.description))])
        var steam = call.settings.steamSource
        let base = sandbox.address.description
        (steam.api, steam.store, steam.community) = (base, base, base)
        steam.steamcmd = sandbox.steamcmd
        let result: Result<Void, any Error>
        do { result = .success(try await body(call.with(steam), sandbox)) } catch { result = .failure(error) }
        await sandbox.close()
        try result.get()
    }
}
