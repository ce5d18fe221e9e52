internal import Farm
internal import Glibc
internal import Jobs
internal import Platform
internal import World

/// Fetches an item, packs it and publishes the ZIP.
///
/// Where a crash may come, and what is left then:
/// - while files come, are unpacked or packed: a slot with something in it. Whoever takes it next empties it, and upkeep does.
/// - between the ZIP's move into its place and the commit: a file that no row names. The next run makes the same file,
///   byte for byte, under the same name; if there is none, upkeep removes it.
/// - after the commit: an older copy that no row names any more. Upkeep removes it.
/// Until the commit, the older copy stays the one that counts, and a run that was overtaken puts nothing in its place.
struct SteamDownload: JobKind {
    static let name = "steam-download"
    let desk: WorkshopKinds.Desk

    struct Args: Decodable, Sendable {
        var id: Int64
        /// An older copy is here.
        var updating: Bool?
    }

    /// What Steam said so lately is not asked again.
    static let wordIsFresh = Duration.seconds(120)

    func run(_ args: Args, _ run: Run) async throws -> Outcome {
        guard args.id > 0 else {
            return .failForGood(error: "id: expected a number above 0, found \(args.id)")
        }
        do {
            let item = try await item(args.id, run)
            try desk.storehouse.open()
            try await check(item)
            let slot = try await Slot.forDownload(in: desk.storehouse.slots)
            let outcome: Outcome
            do { outcome = try await publish(item, in: slot, isUpdate: args.updating == true, run) } catch {
                try? await slot.release()
                throw error
            }
            // What can't be removed now is removed by whoever takes the slot next.
            try? await slot.release()
            return outcome
        } catch let failure as SteamFailure {
            return try await failed("\(failure)")
        } catch let error as ArchiveError {
            return try await failed("the files can't be packed: \(error)")
        } catch let fault as FileFault {
            return try await failed("this machine's disk: \(fault)")
        } catch let error as SlotError {
            return .fail(error: "\(error)")
        } catch let error as Leftovers.Remain {
            return .fail(error: "\(error)")
        }
    }

    /// All tries that make sense were made within the run: a client that asks again makes a new one.
    private func failed(_ words: String) async throws -> Outcome {
        try await desk.catalogue.count(.downloadError)
        return .failForGood(error: words)
    }

    /// What Steam says of the item now.
    private func item(_ id: Int64, _ run: Run) async throws -> SteamItem {
        if let word = try await desk.catalogue.word(on: id), word.age < Self.wordIsFresh, let item = word.item
        {
            return item
        }
        switch try await desk.client.details(of: id, for: run) {
        case .unavailable(let result): throw SteamFailure.gone("Steam can't say now: \(result)")
        case .gone(let result): throw SteamFailure.gone("Steam has no such item: \(result)")
        case .file(let details):
            guard let item = details.item else { throw SteamFailure.gone("the item is not public") }
            try await desk.catalogue.note([item])
            return item
        }
    }

    private func check(_ item: SteamItem) async throws {
        guard item.size <= desk.settings.itemBytesMax else {
            throw SteamFailure.gone(
                "it has \(item.size) bytes, and at most \(desk.settings.itemBytesMax) are fetched")
        }
        // The files and their ZIP stand side by side for a while.
        try await desk.room.require(2 * item.size)
    }

    private func publish(_ item: SteamItem, in slot: Slot, isUpdate: Bool, _ run: Run) async throws -> Outcome
    {
        await run.report(phase: "downloading", done: 0, total: item.size, isNewPhase: true)
        let files = try await ItemFetch(desk.client, item, desk.room, run).bring(into: slot)
        let file = try await pack(files, in: slot, run)
        let followUps = try await followUps(item, isUpdate: isUpdate)
        return try await run.commit(followUps: followUps) { tx in
            try await desk.catalogue.holdStorehouse(in: tx)
            try await run.holdFence(in: tx)
            try await desk.storehouse.publish(slot.part, of: item.id, file)
            try await desk.catalogue.publish(item, file, by: run.job.id.number, in: tx)
            return JSON(text: "{\"bytes\":\(files.bytes),\"zip_bytes\":\(file.bytes)}")
        }
    }

    private func pack(_ files: ItemFiles, in slot: Slot, _ run: Run) async throws -> PublishedFile {
        await run.report(phase: "packing", done: 0, total: files.bytes, isNewPhase: true)
        var limits = ArchiveLimits()
        limits.bytesMax = desk.settings.itemBytesMax
        let written = try await Ticker.telling("packing", total: files.bytes, of: run) {
            [limits, part = slot.part] done in
            try await ZipWriter.pack(
                files.folder, into: part, limits: limits,
                progress: { bytes, _ in done.withLock { $0 = bytes } })
        }
        let file = try await Storehouse.digest(of: slot.part)
        guard file.bytes == written.zipBytes else {
            throw SteamFailure.disk("the ZIP has \(file.bytes) bytes, and \(written.zipBytes) were written")
        }
        return file
    }

    /// The mod's page, its game when it is new, and somebody to look after the disk when it fills.
    private func followUps(_ item: SteamItem, isUpdate: Bool) async throws -> [NewJob] {
        var jobs = [NewJob(ReadPage.name, args: JSON(text: "{\"id\":\(item.id)}"), subject: String(item.id))]
        if try await !desk.catalogue.knows(game: item.game) {
            jobs.append(
                NewJob(
                    RegisterGame.name, args: JSON(text: "{\"id\":\(item.game)}"), subject: String(item.game)))
        }
        if try await desk.catalogue.bytesStored() + item.size > desk.settings.diskBytesMax {
            jobs.append(NewJob(WorkshopUpkeep.name, subject: "disk"))
        } else if isUpdate {
            // Whoever has just read the older copy's row still opens its file.
            jobs.append(NewJob(WorkshopUpkeep.name, subject: "older copies", delay: .seconds(60)))
        }
        return jobs
    }
}
