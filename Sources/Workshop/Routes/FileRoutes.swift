internal import Crypto
internal import Front
internal import Glibc
internal import HTTPServer
internal import Jobs
internal import Store

/// The ZIPs, and asking for them.
extension WorkshopRoutes {
    var files: [Route] { [downloadSteam, download, updateSteam] }

    private static let zip = Route.Answer(
        200, "the ZIP; Range, If-Range and HEAD are answered", nil, as: "application/zip")

    private var downloadSteam: Route {
        OpenWorkshop.route(
            "/download/steam/{mod_id}", "Send a mod of Steam's, or fetch it first",
            [Self.id("mod_id", "the mod")],
            answers: [
                Self.zip,
                .init(202, "it is in line (error_id 0), or was already (error_id 3): ask /condition/mod/"),
                .init(404, "Steam has no such item: error_id 2"), Self.unreadable,
            ],
            about: """
                A copy that was compared with Steam's lately is sent at once. Else Steam is asked, for at most \
                five seconds: a newer version there is fetched, and whoever asks for a mod that is not here finds it in \
                line. However many ask for one mod at once, it is fetched once.
                """
        ) { exchange in
            let began = ContinuousClock.now
            var arguments = Arguments(exchange)
            let id = arguments.id("mod_id")
            try arguments.check()
            statistics.count(.downloadSteam)
            guard let id, id > 0 else { throw Self.notOnSteam }
            return try await deliver(id, exchange, since: began)
        }
    }

    private var download: Route {
        OpenWorkshop.route(
            "/download/{mod_id}", "Send a mod that is here", [Self.id("mod_id", "the mod")],
            answers: [
                Self.zip, .init(202, "it is being fetched: error_id 3"),
                .init(404, "it is not here (error_id 1), or its file was lost (error_id 2)"), Self.unreadable,
            ]
        ) { exchange in
            let began = ContinuousClock.now
            var arguments = Arguments(exchange)
            let id = arguments.id("mod_id")
            try arguments.check()
            statistics.count(.download)
            let shelf = try await catalogue.shelf(id ?? Arguments.noID)
            if let condition = shelf.condition, condition >= 2 {
                throw Refusal(202, "this mod is still loading", 3)
            }
            guard let copy = shelf.copy else {
                statistics.count(.modNotFoundLocal)
                throw Refusal(404, "the mod is not on the server", 1)
            }
            guard try hasFile(shelf.id, copy) else {
                try await drop(shelf.id, copy)
                throw Refusal(404, "the mod is damaged", 2)
            }
            return send(shelf.id, copy, to: exchange.request, since: began)
        }
    }

    private var updateSteam: Route {
        OpenWorkshop.route(
            "/update/steam/{mod_id}", "Look whether Steam has a newer version of a mod, and fetch it",
            [Self.id("mod_id", "the mod")],
            answers: [
                .init(202, "a newer one is in line: error_id 0"),
                .init(208, "there is no newer one: error_id 4"),
                .init(404, "it is not ready here (error_id 1), or no more on Steam (error_id 3)"),
                Self.unreadable,
                .init(425, "it was asked for less than three hours ago: error_id 2"),
            ]
        ) { exchange in
            var arguments = Arguments(exchange)
            let id = arguments.id("mod_id")
            try arguments.check()
            statistics.count(.updateSteam)
            let shelf = try await catalogue.shelf(id ?? Arguments.noID)
            guard shelf.condition == 0 else { throw Refusal(404, "mod not found on locale", 1) }
            guard !statistics.pending(shelf.id).isAsked,
                try await catalogue.takeUpdateTurn(shelf.id, every: settings.updateEvery)
            else { throw Refusal(425, "check for relevance was made earlier", 2) }
            let known = try await looked(up: shelf, exchange, believing: .zero)
            guard let word = known.word, word.updatedAt != nil, isNews(word, after: shelf) else {
                throw Refusal(404, "mod not found on steam", 3)
            }
            guard known.isOutdated else { throw Refusal(208, "mod already update", 4) }
            _ = try await fetch(known, exchange, updating: true)
            throw Refusal(202, "task of updating is set", 0)
        }
    }

    // MARK: From the request to the file

    private static let notOnSteam = Refusal(404, "this mod was not found", 2)
    private static let isUnderWay = Refusal(202, "your request is already being processed", 3)

    private func deliver(_ id: Int64, _ exchange: Exchange, since began: ContinuousClock.Instant) async throws
        -> Response
    {
        var shelf = try await catalogue.shelf(id)
        if let condition = shelf.condition, condition >= 2 { throw Self.isUnderWay }
        if let copy = shelf.copy {
            if try hasFile(id, copy) {
                // While its page is being read it has just come.
                if shelf.condition != 1 {
                    shelf = try await looked(up: shelf, exchange, believing: settings.copyIsFresh)
                    // Fetching the newer one failed lately: the older one is better than waiting.
                    if shelf.isOutdated, pause(after: shelf) == nil {
                        return try await fetch(shelf, exchange, updating: true)
                    }
                }
                return send(id, copy, to: exchange.request, since: began)
            }
            try await drop(id, copy)
        }
        shelf = try await looked(up: shelf, exchange, believing: settings.wordIsFresh)
        if let word = shelf.word, word.age < settings.wordIsFresh + settings.lookUpWait, word.updatedAt == nil
        {
            throw Self.notOnSteam
        }
        return try await fetch(shelf, exchange, updating: false)
    }

    /// The shelf with Steam's word on it: the one that is known when it is younger than `span`, else a new one if Steam
    /// answers in time. All who ask about one mod wait for one job.
    private func looked(up shelf: Shelf, _ exchange: Exchange, believing span: Duration) async throws -> Shelf
    {
        if let word = shelf.word, word.age < span { return shelf }
        let job = NewJob(
            "steam-details", args: JSON(text: "{\"id\":\(shelf.id)}"), subject: String(shelf.id))
        let answer = try await ask(job, exchange)
        guard answer.verdict != .cooling, answer.verdict != .refused else { return shelf }
        guard try await exchange.hasEnded(answer.job, within: settings.lookUpWait) else { return shelf }
        return try await catalogue.shelf(shelf.id)
    }

    /// Whether a word was spoken after the shelf was looked at.
    private func isNews(_ word: Shelf.Word, after shelf: Shelf) -> Bool {
        guard let known = shelf.word else { return true }
        return word.age < known.age || word.age < settings.lookUpWait
    }

    /// Puts the download in line. After a failure it is put off, longer each time; the request stands all the same.
    private func fetch(_ shelf: Shelf, _ exchange: Exchange, updating: Bool) async throws -> Response {
        let job = NewJob(
            "steam-download", args: JSON(text: "{\"id\":\(shelf.id),\"updating\":\(updating)}"),
            subject: String(shelf.id), delay: pause(after: shelf))
        let answer = try await ask(job, exchange)
        switch answer.verdict {
        case .joined, .again, .refused, .duplicate, .mismatch: throw Self.isUnderWay
        case .created:
            if updating { statistics.count(.updatingMod) }
            try await catalogue.wanted(shelf.id)
        case .cooling: break
        }
        var response = Told.json(
            .object([
                ("message", "request added to queue"), ("error_id", 0),
                ("unsuccessful_attempts", .bool(shelf.failures > 0)), ("updating", .bool(updating)),
            ]), status: 202)
        if let wait = answer.coolsFor {
            response.headers["Retry-After"] = String(max(1, wait.components.seconds + 1))
        }
        return response
    }

    /// Puts a job in line. That nobody has published its kind is no mistake of the caller's: no farm has started yet.
    private func ask(_ job: NewJob, _ exchange: Exchange) async throws -> Enqueued {
        do { return try await exchange.ask(job) } catch StoreError.unknownKind {
            throw Problem.unavailable("no_farm", "no farm has started here yet", retryAfter: 10)
        }
    }

    private func pause(after shelf: Shelf) -> Duration? {
        guard shelf.failures > 0, let settledAgo = shelf.settledAgo else { return nil }
        let doublings = min(shelf.failures - 1, 20)
        let pause = min(settings.retryPause * (1 << doublings), settings.retryPauseMax)
        return settledAgo < pause ? pause - settledAgo : nil
    }

    // MARK: Files

    /// Whether the file of a copy is there, as long as it was when it was published.
    /// - Throws: `Problem` 503 when the folder of all files is missing, or nobody can say what is in it: then no mod is
    ///   damaged, the place is wrong.
    private func hasFile(_ id: Int64, _ copy: Shelf.Copy) throws -> Bool {
        var status = stat()
        if lstat(settings.path(of: id, copy.file), &status) == 0 {
            return status.st_mode & S_IFMT == S_IFREG && Int64(status.st_size) == copy.file.bytes
        }
        guard errno == ENOENT, stat(settings.modsFolder, &status) == 0 else {
            throw Problem.unavailable("no_files", "the folder of mods is not here", retryAfter: 30)
        }
        return false
    }

    /// The row of a mod whose file was lost goes, unless a new copy came meanwhile.
    private func drop(_ id: Int64, _ copy: Shelf.Copy) async throws {
        statistics.count(.damagedMod)
        try await catalogue.forget(id, copy: copy.file)
    }

    private func send(
        _ id: Int64, _ copy: Shelf.Copy, to request: Request, since began: ContinuousClock.Instant
    ) -> Response {
        let path = settings.path(of: id, copy.file)
        // A part that is asked for later, or what the client may have already, is not sent once more.
        let range = request.headers["Range"]
        let isFromStart = range == nil || range?.hasPrefix("bytes=0-") == true
        if request.method == .get, isFromStart, request.headers["If-None-Match"] == nil {
            statistics.sent(id, after: ContinuousClock.now - began)
        } else {
            statistics.asked(id)
        }
        let digest = Hex.text(copy.file.sha256)
        let name = copy.name.isEmpty ? String(id) : String(copy.name.prefix(255))
        return Response(
            200,
            headers: [
                "Content-Type": "application/zip",
                "Content-Disposition": ContentDisposition.attachment(name + ".zip"),
                "Cache-Control": "no-cache",
            ], content: .file(FileContent(path: path, etag: "\"\(digest)\"")))
    }
}
