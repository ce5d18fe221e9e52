internal import Front
internal import Glibc
internal import HTTPServer
internal import Jobs
internal import Sandbox
internal import Workshop
internal import World

/// Shows the whole way of a mod, as clients and operators see it.
enum DemoCommand: Command {
    static let name = "demo"
    static let summary = "Show the whole way of a mod, with a farm and a sandbox of its own"
    static let settings: Set<Setting.Group> = [.database, .policies, .trial]
    static let drainsOnSignals = true
    static let notes = """
        It works in a folder of its own in the state folder, which it removes, and needs neither internet nor a
        database. What it shows is made up; how it comes about is not.
        """

    static func run(_ call: Invocation) async throws -> ExitCode {
        let (secret, token) = Token.new(name: "demo", role: .operator)
        let call = call.changing { settings in
            settings.database = nil
            settings.hasTrialKinds = true
            settings.state += "/demo.\(getpid())"
            settings.http.port = 0
            settings.firesSchedule = false
            settings.front.tokens = TokenBook([token])
            settings.steamSource.isSandbox = true
            settings.startsSandbox = true
        }
        Console.print("Starting a farm, its PostgreSQL and a sandbox in \(call.settings.state) …")
        let policies = try Workplace.policies(call.settings)
        let log = try Log(isMute: true)
        var tour: Task<Bool, any Error>?
        let result: Result<Void, any Error>
        do {
            let work: Void = try await Playground.withSandbox(call, log) { call, sandbox in
                guard let sandbox else { return }
                try await UpCommand.start(call, policies, log) { address in
                    tour = Task {
                        defer { call.shutdown.ask() }
                        do {
                            return try await Tour(
                                front: address.description, sandbox: sandbox, token: secret
                            ).run()
                        } catch  where call.shutdown.isAsked {
                            Console.complain("interrupted")
                            return false
                        }
                    }
                }
            }
            result = .success(work)
        } catch { result = .failure(error) }
        await log.close()
        // Whatever can't be removed is told by nobody: the demo was shown, and the folder is only its own.
        try? Tree.remove(call.settings.state)
        try result.get()
        return try await tour?.value == true ? .ok : .failed
    }
}
