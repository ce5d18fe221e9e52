internal import Farm
internal import Jobs

/// Asks the store for a game and puts it in the catalogue.
struct RegisterGame: JobKind {
    static let name = "steam-game"
    let desk: WorkshopKinds.Desk

    func run(_ args: NumberArgs, _ run: Run) async throws -> Outcome {
        guard args.id > 0 else {
            return .failForGood(error: "id: expected a number above 0, found \(args.id)")
        }
        do {
            let app = try await desk.client.app(args.id, for: run)
            let game = SteamGame(
                id: app.id, name: app.name, type: app.type ?? "", logo: app.logo ?? "",
                shortDescription: app.shortDescription, description: app.description,
                genres: app.genres.map { SteamGame.Genre(id: $0.id, name: $0.name) })
            return try await run.commit { tx in
                try await desk.catalogue.register(game, in: tx)
                return JSON(text: "{\"name\":\(JSON.quoted(game.name))}")
            }
        } catch SteamFailure.gone(let words) {
            return .cancel(reason: words)
        } catch let failure as SteamFailure {
            return failure.outcome(waitingFor: .seconds(3600))
        }
    }
}
