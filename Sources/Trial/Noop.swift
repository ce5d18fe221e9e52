internal import Farm
internal import Jobs

/// Does nothing, successfully.
struct Noop: JobKind {
    static let name = "noop"

    func run(_ args: NoArgs, _ run: Run) async throws -> Outcome { .done() }
}
