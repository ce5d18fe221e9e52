internal import Farm
internal import Jobs
internal import Postgres

/// Looks whether Steam has a newer version of a mod that is here, and has it fetched if so.
struct SteamCheck: JobKind {
    static let name = "steam-check"
    let desk: WorkshopKinds.Desk

    func run(_ args: NumberArgs, _ run: Run) async throws -> Outcome {
        guard args.id > 0 else {
            return .failForGood(error: "id: expected a number above 0, found \(args.id)")
        }
        let answer: ItemAnswer
        do { answer = try await desk.client.details(of: args.id, for: run) } catch let failure as SteamFailure
        {
            return failure.outcome()
        }
        if case .unavailable(let result) = answer { return .fail(error: "Steam can't say now: \(result)") }
        guard case .file(let details) = answer, let item = details.item else {
            return try await run.commit { tx in
                try await desk.catalogue.note([], missing: [args.id], in: tx)
                return JSON(text: #"{"found":false,"newer":false}"#)
            }
        }
        let copy = try await desk.catalogue.updated(args.id)
        let isNewer = copy.map { $0.microseconds < item.updatedAt.microseconds } ?? false
        let download = NewJob(
            SteamDownload.name, args: JSON(text: "{\"id\":\(args.id),\"updating\":true}"),
            subject: String(args.id))
        return try await run.commit(followUps: isNewer ? [download] : []) { tx in
            try await desk.catalogue.note([item], in: tx)
            return JSON(text: "{\"found\":true,\"newer\":\(isNewer)}")
        }
    }
}
