internal import Farm
internal import Glibc
internal import Jobs
package import Postgres

/// Leaves a trace of each run: one row in `trial.effects`, in one transaction with its settlement, and with `outside` two
/// lines in the ledger file of the process, if it has one. Asks its `host`'s budget first when one is named.
struct Effect: JobKind {
    static let name = "effect"

    /// An absolute path that the settings of the process name, never a job: a job that names files could write any.
    let ledger: String?

    struct Args: Decodable, Sendable {
        var tag: String?
        var seconds: Double?
        /// Whether each run appends `begin` and `end` with its job, run and process to the ledger.
        var outside: Bool?
        var host: String?
    }

    func run(_ args: Args, _ run: Run) async throws -> Outcome {
        if let host = args.host { try await run.mayAsk(host) }
        let file = args.outside == true ? ledger : nil
        if let file { try append("begin", run, to: file) }
        if let seconds = args.seconds, seconds > 0 { try await Task.sleep(for: .seconds(min(seconds, 3600))) }
        let outcome = try await run.commit { tx in
            try await tx.run(
                """
                INSERT INTO trial.effects (job, run, tag, process)
                VALUES (\(run.job.id.number), \(run.job.token.run), \(args.tag), \(Int32(getpid())))
                """)
            return JSON(text: "{\"run\":\(run.job.token.run)}")
        }
        if let file { try append("end", run, to: file) }
        return outcome
    }

    /// One `write` in append mode, so that lines of several processes never mix.
    private func append(_ word: String, _ run: Run, to file: String) throws {
        let descriptor = open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw EffectError(description: "opening \(file): \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        let at = Double(now.tv_sec) + Double(now.tv_nsec) * 1e-9
        let line = "\(word) \(run.job.id) \(run.job.token.run) \(getpid()) \(at)\n"
        guard write(descriptor, line, line.utf8.count) == line.utf8.count else {
            throw EffectError(description: "writing \(file): \(String(cString: strerror(errno)))")
        }
    }
}

/// The trace outside could not be left.
struct EffectError: Error, CustomStringConvertible {
    let description: String
}

/// The tables of the trial kinds.
package enum TrialSchema {
    package static let migrator = Migrator(
        schema: "trial",
        migrations: [
            Migration(
                number: 1, name: "effects",
                sql: """
                    -- Each row is one effect. No key on job: a doubled effect must show, not fail.
                    CREATE TABLE trial.effects (
                        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                        job bigint NOT NULL,
                        run integer NOT NULL,
                        tag text,
                        process integer NOT NULL,
                        at timestamptz NOT NULL DEFAULT clock_timestamp()
                    );
                    """)
        ])
}
