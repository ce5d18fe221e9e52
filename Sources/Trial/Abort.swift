internal import Farm
internal import Glibc
internal import Jobs

/// Kills its process, as a crash in a library would.
struct Abort: JobKind {
    static let name = "abort"

    func run(_ args: NoArgs, _ run: Run) async throws -> Outcome {
        Glibc.abort()
    }
}
