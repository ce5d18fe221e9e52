internal import Jobs
internal import Postgres
internal import Store

/// Makes the kinds of this program known to producers before any farm has run.
///
/// Only kinds that the database lacks are published: an older program changes no newer policy, and the last farm to
/// start still wins.
struct KindPublisher {
    let settings: Settings

    /// Between tries while the database is away.
    private static let pause = Duration.seconds(5)
    /// For half an hour; a farm publishes its kinds itself when it starts.
    private static let triesMax = 360

    /// - Returns: the kinds that were new; `faults`: why none could be published, because the policies have faults.
    func publish() async throws -> (kinds: [String], faults: [Fault]) {
        let (definitions, faults) = settings.jobs.load(
            kinds: Workplace.kinds(settings), withTrial: settings.hasTrialKinds)
        guard faults.isEmpty else { return ([], faults) }
        let store = Store(settings.connection, connectionsMax: 1, claimConnectionsMax: 1)
        let result: Result<[String], any Error>
        do { result = .success(try await store.publishMissing(definitions)) } catch {
            result = .failure(error)
        }
        await store.close()
        return (try result.get(), [])
    }

    /// The same beside a front, which outlives its database: tried until it succeeds, or is refused for good.
    func publish(telling log: Log) async {
        for _ in 0..<Self.triesMax where !Task.isCancelled {
            do {
                let (kinds, faults) = try await publish()
                tell(kinds, faults, log)
                return
            } catch let error as PostgresError where error.isTransient {
                do { try await Task.sleep(for: Self.pause) } catch { return }
            } catch {
                log.say(
                    .warning, "kinds_not_published",
                    "the kinds of this program could not be published: \(String(reflecting: error))")
                return
            }
        }
    }

    private func tell(_ kinds: [String], _ faults: [Fault], _ log: Log) {
        if let fault = faults.first {
            log.say(
                .warning, "kinds_not_published",
                "the kinds of this program are not published: \(fault.description)")
        } else if !kinds.isEmpty {
            log.say(
                .info, "kinds_published", "kinds published: \(kinds.joined(separator: ", "))",
                [("kinds", .array(kinds.map { .string($0) }))])
        }
    }
}
