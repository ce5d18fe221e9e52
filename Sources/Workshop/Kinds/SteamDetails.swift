internal import Farm
internal import Jobs

/// Asks Steam for one item and writes down what it said. Look-ups that wait for their turn are asked for together.
struct SteamDetails: JobKind {
    static let name = "steam-details"
    let desk: WorkshopKinds.Desk

    /// Whoever looked a moment before such a word was written down asks for it once more, and need not ask Steam.
    static let wordIsNew = Duration.seconds(2)

    func run(_ args: NumberArgs, _ run: Run) async throws -> Outcome {
        guard args.id > 0 else {
            return .failForGood(error: "id: expected a number above 0, found \(args.id)")
        }
        if let word = try await desk.catalogue.word(on: args.id), word.age < Self.wordIsNew {
            return .done(result: JSON(text: "{\"found\":\(word.item != nil)}"))
        }
        do {
            let answer = try await desk.client.details(of: args.id, for: run)
            return try await note(answer, args.id, run)
        } catch let failure as SteamFailure {
            return failure.outcome()
        }
    }

    private func note(_ answer: ItemAnswer, _ id: Int64, _ run: Run) async throws -> Outcome {
        switch answer {
        case .unavailable(let result): return .fail(error: "Steam can't say now: \(result)")
        case .gone:
            return try await run.commit { tx in
                try await desk.catalogue.note([], missing: [id], in: tx)
                return JSON(text: #"{"found":false}"#)
            }
        case .file(let details):
            let item = details.item
            return try await run.commit { tx in
                try await desk.catalogue.note(
                    item.map { [$0] } ?? [], missing: item == nil ? [id] : [], in: tx)
                return JSON(text: "{\"found\":\(item != nil)}")
            }
        }
    }
}
