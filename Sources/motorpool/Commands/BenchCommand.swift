internal import Bench
internal import Postgres

/// Measures the farm against the ceiling of the same server.
enum BenchCommand: Command {
    static let name = "bench"
    static let summary = "Measure the farm, and what the same server can do at best, in the same rounds"
    static let settings: Set<Setting.Group> = [.database]
    static let rounds = Flag("--rounds", "N", "How often everything is measured; medians are told; default 5")
    static let jobs = Flag("--count", "N", "Jobs drained in each case; default 100000")
    static let crowd = Flag(
        "--crowd", "N", "Jobs that stand aside in the cases with a crowd; default 1000000")
    static let seconds = Flag(
        "--seconds", "N", "How long latency and http last, default 10; and drip, default 60")
    static let only = Flag("--only", "CASES", "Only these, like ceiling,drain; default all")
    static let flags = [rounds, jobs, crowd, seconds, only, Flag.json]
    static let notes = """
        The cases: \(Benchmark.caseNames.joined(separator: ", ")).
        \(Benchmark.frontCases.joined(separator: ", ")) run only when they are named: the front under a \
        thousand clients, beside slow sockets, and sending a mod of 1 GiB, whole and resumed.
        Works in a scratch database, which it drops at the end. Without a DATABASE_URL it measures on a
        private server of its own below the state folder, which it stops at the end.
        """

    static func run(_ call: Invocation) async throws -> ExitCode {
        var benchmark = Benchmark()
        benchmark.rounds = try call.whole(rounds, in: 1...100) ?? benchmark.rounds
        benchmark.jobs = try call.whole(jobs, in: 400...10_000_000) ?? benchmark.jobs
        benchmark.crowd = try call.whole(crowd, in: 1...10_000_000) ?? benchmark.crowd
        benchmark.latencySeconds = try call.whole(seconds, in: 1...600) ?? benchmark.latencySeconds
        benchmark.dripSeconds = try call.whole(seconds, in: 1...600) ?? benchmark.dripSeconds
        benchmark.only =
            try call.value(only, expected: "some of \(Benchmark.caseNames.joined(separator: ","))", cases)
            ?? []
        benchmark.asJSON = call.has(.json)
        guard call.settings.database == nil else {
            try await measure(benchmark, call.settings, on: call.settings.connection)
            return .ok
        }
        let server = try await PrivateServer.start(in: call.settings.state + "/bench") {
            Console.complain($0)
        }
        let result: Result<Void, any Error>
        do {
            result = .success(
                try await measure(
                    benchmark, call.settings, on: ConnectionSettings(url: server.administratorURL)))
        } catch {
            result = .failure(error)
        }
        try await server.stop()
        try result.get()
        return .ok
    }

    private static func measure(
        _ benchmark: Benchmark, _ settings: Settings, on server: ConnectionSettings
    ) async throws {
        var settings = settings
        // What is measured is the cost of the queue, by kinds that do nothing.
        settings.hasTrialKinds = true
        try await benchmark.run(
            on: server, migrators: Workplace.migrators(settings).map(\.migrator), binary: "/proc/self/exe",
            shelf: BenchShelf(), tell: { Console.complain($0) }, print: { Console.print($0) }
        )
    }

    private static func cases(_ text: String) -> Set<String>? {
        let names = Set(text.split(separator: ",").map(String.init))
        return names.isSubset(of: Benchmark.caseNames) && !names.isEmpty ? names : nil
    }
}
