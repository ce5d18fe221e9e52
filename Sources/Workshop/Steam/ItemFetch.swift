internal import Farm
internal import Glibc
internal import Jobs
internal import Platform
internal import World

/// Gets the files of one item into a slot, trying as often and in such a way as each failure asks for.
struct ItemFetch: Sendable {
    let client: SteamClient
    let item: SteamItem
    let room: StorehouseRoom
    let run: Run
    private let began = BootClock.now

    init(_ client: SteamClient, _ item: SteamItem, _ room: StorehouseRoom, _ run: Run) {
        self.client = client
        self.item = item
        self.room = room
        self.run = run
    }

    var settings: SteamSettings { client.settings }

    /// Brings the files.
    /// - Throws: `SteamFailure`, `FileFault`, `CancellationError`.
    func bring(into slot: Slot) async throws -> ItemFiles {
        guard item.fileURL.isEmpty else { return try await bringFile(into: slot) }
        guard let executable = settings.steamcmd else {
            throw SteamFailure.gone("the item needs steamcmd, and none is set (MOTORPOOL_STEAMCMD)")
        }
        return try await tryingAgain(slot) {
            try await client.requester.checkRest(.steamcmd)
            try await run.mayAsk(SteamSource.steamcmd.rawValue)
            let stallMax = min(settings.stallMax, max(.seconds(3), patienceLeft))
            return try await Ticker.telling("downloading", total: item.size, of: run) {
                [item, settings] done in
                try await Steamcmd(executable: executable, settings: settings).download(
                    item, in: slot, stallMax: stallMax
                ) {
                    bytes in
                    done.withLock { $0 = bytes }
                }
            }
        }
    }

    // MARK: Patience

    /// How much longer it is tried. What the item stood in line behind others is no fault of its own, and does not count.
    private var patienceLeft: Duration { settings.patience - (BootClock.now - began) }

    private var hasTime: Bool { patienceLeft > .seconds(3) }

    private func tryingAgain(
        _ slot: Slot, _ attempt: () async throws -> ItemFiles
    ) async throws -> ItemFiles {
        var tries = 0
        while true {
            let failure: SteamcmdFailure
            do { return try await attempt() } catch let error as SteamcmdFailure { failure = error }
            tries += 1
            switch failure.remedy {
            case .giveUp, .later: throw SteamFailure.steamcmd(failure)
            case .rest:
                try await client.requester.rest(.steamcmd, why: "\(failure)")
                throw SteamFailure.steamcmd(failure)
            case .resume(let max):
                guard tries < max, hasTime else { throw SteamFailure.steamcmd(failure) }
            case .startAnew(let max):
                guard tries <= max, hasTime else { throw SteamFailure.steamcmd(failure) }
                try await slot.startAnew()
            }
            try await Task.sleep(for: .milliseconds(500 * tries))
        }
    }

    // MARK: Items with an address

    /// One file by plain HTTP, from the hosts that keep Steam's files and no others. An archive is unpacked.
    private func bringFile(into slot: Slot) async throws -> ItemFiles {
        try await client.requester.checkRest(.files)
        let file = slot.install + "/download"
        try await fetchTryingAgain(to: DownloadFile(file))
        guard let sign = try ArchiveSign.of(file) else { return try alone(file, in: slot) }
        return try await unpack(file, sign, in: slot) ?? alone(file, in: slot)
    }

    private func fetchTryingAgain(to file: DownloadFile) async throws {
        var tries = 0
        while true {
            do {
                return try await fetch(to: file)
            } catch let failure as SteamFailure where failure.isTransient {
                tries += 1
                guard tries < 5, hasTime else { throw failure }
                try await Task.sleep(for: .milliseconds(500 * tries))
            }
        }
    }

    private func fetch(to file: DownloadFile) async throws {
        var request = WebRequest(item.fileURL)
        request.hosts = settings.fileHosts
        request.redirectsMax = 3
        request.bytesMax = Int(clamping: item.size)
        request.timeLimit = .seconds(1500)
        request.slowSpan = settings.stallMax
        request.acceptsCompression = false
        let run = run
        request.admit = { _ in try await run.mayAsk(SteamSource.files.rawValue) }
        let answer: WebAnswer
        do {
            answer = try await Ticker.telling("downloading", total: item.size, of: run) {
                [request, web = client.requester.web] done in
                try await web.download(request, to: file) { progress in done.withLock { $0 = progress.done } }
            }
        } catch let error as WebError {
            if case .tooLarge = error {
                throw SteamFailure.wrongSize(expected: item.size, found: item.size + 1)
            }
            throw try SteamRequester.translated(error, .files)
        }
        try await client.requester.check(answer, of: .files)
        guard answer.fileBytes == item.size else {
            throw SteamFailure.wrongSize(expected: item.size, found: answer.fileBytes ?? 0)
        }
    }

    /// What is no archive is the item's only file.
    private func alone(_ file: String, in slot: Slot) throws -> ItemFiles {
        let folder = slot.install + "/file"
        guard mkdir(folder, 0o700) == 0 else { throw FileFault("making the folder \(folder)") }
        let path = folder + "/" + Self.fileName(item)
        guard rename(file, path) == 0 else { throw FileFault("naming \(path)") }
        return ItemFiles(folder: folder, bytes: item.size)
    }

    /// The last part of its address, with plain characters only.
    static func fileName(_ item: SteamItem) -> String {
        let path = item.fileURL.prefix { $0 != "?" && $0 != "#" }
        let last = path.split(separator: "/").last ?? ""
        let plain = last.filter { $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0)) }
        let name = String(plain.drop { $0 == "." }.prefix(120))
        return name.isEmpty ? "\(item.id).bin" : name
    }
}
