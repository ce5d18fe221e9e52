import Glibc
import Jobs
import Platform

/// From the command line to the exit code.
enum Entrance {
    /// Does what the arguments say and ends the process.
    static func enter(_ arguments: [String]) -> Never {
        // Before the first thread, or a signal could still end one of them.
        Signals.onTermination { _, count in
            // The first ends everything in order; the second does not wait for it.
            if count > 1 { _exit(130) }
            interrupted.withLock { $0 }?()
        }
        Task { exit(await obey(arguments)) }
        while true { pause() }
    }

    private static let interrupted = Lock<(@Sendable () -> Void)?>(nil)

    private static func obey(_ arguments: [String]) async -> Int32 {
        let options: Options
        do { options = try Options(arguments) } catch {
            Progress.say("\(error)\n\n\(Options.usage)\n")
            return 64
        }
        if options.isHelp {
            tell(Options.usage)
            return 0
        }
        // A task of its own, so that a signal can cancel it.
        let work = Task { await run(options) }
        interrupted.withLock { $0 = { work.cancel() } }
        return await work.value
    }

    private static func tell(_ text: String) {
        let line = text + "\n"
        _ = write(1, line, line.utf8.count)
    }

    private static func run(_ options: Options) async -> Int32 {
        do {
            return try await withServer(options) { server, scratch in
                guard let scenario = options.scenario else {
                    let report = try await Torture(options: options, server: server, scratch: scratch).run()
                    tell(options.isJSON ? report.json : report.table)
                    return report.isClean ? 0 : 1
                }
                let theatre = Theatre(
                    server: server, scratch: scratch, seed: options.seed, seconds: options.seconds,
                    kills: options.killsAsked, tolerance: options.tolerance)
                return try await play(scenario, theatre, options) ? 0 : 1
            }
        } catch is CancellationError {
            Progress.say("torture: interrupted\n")
            return 130
        } catch {
            Progress.say("torture: \(String(reflecting: error))\n")
            return 70
        }
    }

    private static func withServer(
        _ options: Options, _ body: (TortureServer, Scratch) async throws -> Int32
    ) async throws -> Int32 {
        Progress.say("torture: seed \(options.seed)\n")
        let scratch = try Scratch()
        let server: TortureServer
        do { server = try await TortureServer.start(in: scratch, seed: options.seed) } catch {
            await end(nil, scratch)
            throw error
        }
        do {
            let code = try await body(server, scratch)
            await end(server, scratch)
            return code
        } catch {
            await end(server, scratch)
            throw error
        }
    }

    /// In a task of its own, because ours may be cancelled, and a cancelled task starts no process.
    private static func end(_ server: TortureServer?, _ scratch: Scratch) async {
        await Task {
            await server?.stop()
            if Environment.value("TORTURE_KEEP") == nil { await scratch.remove() }
        }.value
    }

    private static func play(_ name: String, _ theatre: Theatre, _ options: Options) async throws -> Bool {
        var areAllKept = true
        for scenario in Scenarios.all where name == "all" || scenario.name == name {
            let began = ContinuousClock.now
            let outcome: Verdict
            do { outcome = try await scenario.init().play(theatre) } catch let error
                where !(error is CancellationError)
            {
                outcome = Verdict("\(String(reflecting: error))", [("the scenario to go on", false)])
            }
            let seconds = (ContinuousClock.now - began).components.seconds
            areAllKept = areAllKept && outcome.isKept
            tell(line(scenario, outcome, seconds, options))
        }
        return areAllKept
    }

    private static func line(
        _ scenario: any Scenario.Type, _ outcome: Verdict, _ seconds: Int64, _ options: Options
    ) -> String {
        guard options.isJSON else {
            return
                "\(outcome.isKept ? "PASS" : "FAIL") \(scenario.name): \(scenario.promise) — \(outcome.numbers) (\(seconds) s)"
        }
        return
            "{\"scenario\":\(JSON.quoted(scenario.name)),\"kept\":\(outcome.isKept),\"numbers\":\(JSON.quoted(outcome.numbers)),"
            + "\"seconds\":\(seconds)}"
    }
}
