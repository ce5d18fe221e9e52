internal import Farm
internal import Jobs

/// Has `children` jobs of the kind `kind` (noop when left out), and is done when the last of them has left.
struct Family: JobKind {
    static let name = "family"

    struct Args: Decodable, Sendable {
        var children: Int
        var kind: String?
    }

    func run(_ args: Args, _ run: Run) async throws -> Outcome {
        guard (0...Bounds.childrenMax).contains(args.children) else {
            return .failForGood(
                error: "children: expected 0 to \(Bounds.childrenMax), found \(args.children)")
        }
        if run.job.step == 0, args.children > 0 {
            return .await(children: (0..<args.children).map { _ in NewJob(args.kind ?? Noop.name) }, step: 1)
        }
        return .done(
            result: JSON(text: "{\"children\":\(args.children),\"failed\":\(run.job.childrenFailed)}"))
    }
}
