internal import Farm
internal import Jobs

/// Reads an item's page for what nothing else tells: what it needs, and its pictures.
struct ReadPage: JobKind {
    static let name = "steam-page"
    let desk: WorkshopKinds.Desk

    func run(_ args: NumberArgs, _ run: Run) async throws -> Outcome {
        guard args.id > 0 else {
            return .failForGood(error: "id: expected a number above 0, found \(args.id)")
        }
        do {
            let (page, sha256) = try await desk.client.page(of: args.id, for: run)
            let (required, screenshots) = try page.whole()
            // Steam's own word on the main picture goes before the page's.
            let known = try await desk.catalogue.word(on: args.id)?.item?.previewURL ?? ""
            let logo = known.isEmpty ? page.picture ?? "" : known
            let told = SteamPage(
                dependencies: required, screenshots: screenshots, logo: logo, version: ItemPageParser.number,
                sha256: sha256)
            return try await run.commit { tx in
                try await desk.catalogue.register(told, of: args.id, in: tx)
                return JSON(text: "{\"dependencies\":\(required.count),\"screenshots\":\(screenshots.count)}")
            }
        } catch SteamFailure.gone(let words) {
            // It was there when it was fetched, and has gone since: nothing more will be known.
            return .cancel(reason: words)
        } catch let failure as SteamFailure {
            // Nobody waits for it: the mod can be had meanwhile.
            return failure.outcome(waitingFor: .seconds(3600))
        } catch let failure as ParserFailure {
            return .failForGood(error: "\(failure)")
        }
    }
}
