internal import Jobs
internal import Platform
package import Postgres
internal import Store

/// `motorpool bench`: measures the farm, and the ceiling of the same server in the same rounds.
///
/// Every figure is a median over the rounds. A case is measured with a worker process of its own, against a scratch
/// database that is dropped at the end.
package struct Benchmark: Sendable {
    package var rounds = 5
    /// Jobs drained in each case.
    package var jobs = 100_000
    /// Jobs that stand aside in the cases with a crowd.
    package var crowd = 1_000_000
    /// Seconds of the latency case, at 100 jobs a second.
    package var latencySeconds = 10
    /// Seconds of the case with slow sockets.
    package var dripSeconds = 60
    /// Only these cases; all of the queue when empty.
    package var only: Set<String> = []
    package var asJSON = false

    package init() {}

    /// The names of the cases, in the order in which a round runs them.
    package static let caseNames =
        ["ceiling"] + DrainCase.all.map(\.name) + ["steady", "latency"] + frontCases

    /// Those of the front, which run when they are named.
    package static let frontCases = ["http", "drip", "file"]

    /// Measures and prints.
    ///
    /// - Parameters:
    ///   - server: a server on which the account may make databases.
    ///   - migrators: make the schemas that the program expects.
    ///   - binary: the program that is started with `work`.
    ///   - shelf: where its front finds mods.
    ///   - tell: progress, a line at a time.
    ///   - print: the report.
    package func run(
        on server: ConnectionSettings, migrators: [Migrator], binary: String, shelf: any ModShelf,
        tell: @Sendable (String) -> Void,
        print: @Sendable (String) -> Void
    ) async throws {
        let place = try await BenchPlace.make(on: server, migrators: migrators, binary: binary)
        let report: Result<Report, any Error>
        do { report = .success(try await measure(place, shelf, tell)) } catch { report = .failure(error) }
        try await place.remove()
        let figures = try report.get()
        print(asJSON ? figures.json : figures.text)
    }

    private func measure(
        _ place: BenchPlace, _ shelf: any ModShelf, _ tell: @Sendable (String) -> Void
    ) async throws -> Report {
        var report = Report(header: try await place.header(), rounds: rounds, jobs: jobs, crowd: crowd)
        for round in 1...rounds {
            if wants("ceiling") {
                tell("round \(round)/\(rounds): ceiling")
                report.add(try await Ceiling(place: place, jobs: jobs).measure(), to: "ceiling")
            }
            for drain in DrainCase.all where wants(drain.name) {
                tell("round \(round)/\(rounds): \(drain.name)")
                report.add(
                    try await Drain(place: place, jobs: jobs, crowd: crowd, drain: drain).measure(),
                    to: drain.name)
            }
            if wants("steady") {
                tell("round \(round)/\(rounds): steady")
                report.add(try await Steady(place: place).measure(), to: "steady")
            }
            if wants("http") {
                for path in FrontLoad.Path.allCases {
                    tell("round \(round)/\(rounds): \(path.rawValue)")
                    let load = FrontLoad(place: place, path: path, seconds: latencySeconds)
                    report.add(try await load.measure(), to: path.rawValue)
                }
            }
            if wants("drip") {
                tell("round \(round)/\(rounds): drip")
                report.add(try await FrontDrip(place: place, seconds: dripSeconds).measure(), to: "drip")
            }
            if wants("file") {
                tell("round \(round)/\(rounds): file")
                report.add(try await FrontFile(place: place, shelf: shelf).measure(), to: "file")
            }
            if wants("latency") {
                tell("round \(round)/\(rounds): latency")
                report.add(try await Latency(place: place, seconds: latencySeconds).measure(), to: "latency")
            }
        }
        return report
    }

    private func wants(_ name: String) -> Bool {
        only.isEmpty ? !Self.frontCases.contains(name) : only.contains(name)
    }
}

/// A benchmark could not be carried out.
struct BenchError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
