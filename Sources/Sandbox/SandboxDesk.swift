internal import HTTPServer
internal import Jobs
internal import Platform

/// Answers what the sandbox is asked.
final class SandboxDesk: Sendable {
    let state = SandboxState()
    private let folder: String
    private let addresses = Lock((own: "", canary: ""))

    init(folder: String) throws(SandboxFault) {
        self.folder = folder
        try SandboxFile.makeFolders(folder + "/files")
    }

    func stand(at own: String, canary: String) { addresses.withLock { $0 = (own, canary) } }

    private var base: String { addresses.withLock { $0.own } }

    func touchedCanary() -> Response {
        state.count("canary", 0)
        return text(200, "nobody should have come here")
    }

    func answer(_ request: Request) async -> Response {
        let parts = request.path.split(separator: "/").map { FormText.decoded($0) }
        switch (request.method, parts.first ?? "") {
        case (.post, "ISteamRemoteStorage") where parts.dropFirst().first == "GetPublishedFileDetails":
            return await details(request)
        case (.get, "api") where parts == ["api", "appdetails"]:
            return await app(FormText.fields(request.query ?? ""))
        case (.get, "sharedfiles"), (.get, "workshop"):
            return await page(FormText.fields(request.query ?? ""))
        case (.get, "files") where parts.count == 3: return await file(parts[1])
        case (.get, "pictures"):
            let number = Int64(parts.last?.prefix { $0.isNumber } ?? "") ?? 0
            return Response(
                200, headers: ["Content-Type": "image/svg+xml"],
                content: .bytes(Array(SteamDocuments.picture(number).utf8)))
        case (_, "sandbox") where parts.dropFirst().first == "burglar": return await burglar(request)
        case (let method, "sandbox"): return desk(method, Array(parts.dropFirst()))
        case (.get, ""):
            return text(200, "The sandbox of Motorpool: Steam as it never was. See /sandbox/mods.\n")
        default: return text(404, "nothing here\n")
        }
    }

    // MARK: Steam

    private func details(_ request: Request) async -> Response {
        guard let body = try? await request.body(upTo: 1 << 20) else { return text(413, "too large") }
        let form = FormText.fields(String(decoding: body, as: UTF8.self))
        guard let count = form["itemcount"].flatMap({ Int($0) }), (1...1000).contains(count) else {
            return text(400, "<html><head><title>Bad Request</title></head></html>")
        }
        let ids = (0..<count).compactMap { form["publishedfileids[\($0)]"].flatMap { Int64($0) } }
        state.count("api", Int64(ids.count))
        var troubles = state.troubles(at: .api, for: 0)
        let items = ids.map { id -> JSONText in
            state.count("details", id)
            let own = state.troubles(at: .api, for: id)
            // What spoils a whole answer spoils it for everybody in it.
            troubles.formUnion(own.subtracting(["removed", "busy", "newer"]))
            guard let mod = SandboxLibrary.mod(id), !own.contains("removed") else {
                return SteamDocuments.missing(id)
            }
            if own.contains("busy") { return SteamDocuments.missing(id, result: 10) }
            return SteamDocuments.details(
                mod, size: size(of: mod), base: base, isNewer: own.contains("newer"))
        }
        return await spoiled(json(SteamDocuments.answer(items)), troubles)
    }

    /// What Steam announces is what is sent, whatever was put in its place.
    private func size(of mod: SandboxMod) -> Int64 {
        guard mod.directName != nil else { return mod.size }
        return Int64(mod.direct(state.troubles(at: .file, for: mod.id)).count)
    }

    private func app(_ fields: [String: String]) async -> Response {
        guard let id = fields["appids"].flatMap({ Int64($0) }) else { return json("null") }
        state.count("store", id)
        let troubles = state.troubles(at: .store, for: id)
        if troubles.contains("throttled") {
            return Response(429, headers: Self.asJSON, content: .bytes(Array("null".utf8)))
        }
        let game = troubles.contains("removed") ? nil : SandboxLibrary.game(id)
        return await spoiled(json(SteamDocuments.app(id, game, base: base)), troubles)
    }

    private func page(_ fields: [String: String]) async -> Response {
        guard let id = fields["id"].flatMap({ Int64($0) }) else {
            return html(SteamDocuments.problem("No id"))
        }
        state.count("page", id)
        let troubles = state.troubles(at: .page, for: id)
        if troubles.contains("throttled") {
            return html(
                SteamDocuments.problem(
                    "You've made too many requests recently. Please wait and try again later."))
        }
        if troubles.contains("gated") {
            return html(SteamDocuments.problem("You must be logged in to view this item."))
        }
        if troubles.contains("nested") {
            return html("<html><body>" + String(repeating: "<div>", count: 1_000_000))
        }
        guard let mod = SandboxLibrary.mod(id), !troubles.contains("removed") else {
            return html(
                SteamDocuments.problem("That item does not exist. It may have been removed by the author."))
        }
        return await spoiled(html(SteamDocuments.page(mod, base: base, troubles: troubles)), troubles)
    }

    private func file(_ id: String) async -> Response {
        guard let number = Int64(id), let mod = SandboxLibrary.mod(number), mod.directName != nil else {
            return text(404, "none")
        }
        state.count("file", number)
        let troubles = state.troubles(at: .file, for: number)
        if troubles.contains("removed") { return text(404, "none") }
        if troubles.contains("forbidden") { return text(403, "none for you") }
        if troubles.contains("redirect-inside") {
            return Response(302, headers: ["Location": addresses.withLock { $0.canary } + "/"])
        }
        if troubles.contains("redirect-metadata") {
            return Response(302, headers: ["Location": "http://169.254.169.254/latest/meta-data/"])
        }
        let isShort = troubles.contains("wrong-size")
        let path = "\(folder)/files/\(number)\(isShort ? ".short" : "")"
        let bytes = mod.direct(troubles)
        let kept = isShort ? Array(bytes.dropLast(7)) : bytes
        do { try SandboxFile.write(path, kept) } catch { return text(500, error.description) }
        let whole = Response(
            200, headers: ["Content-Type": "application/octet-stream"],
            content: .file(FileContent(path: path)))
        if troubles.contains("truncated") { return truncated(whole, kept) }
        if troubles.contains("slow") { return dripping(whole, kept) }
        return await spoiled(whole, troubles)
    }

    // MARK: What goes wrong

    private func spoiled(_ response: Response, _ troubles: Set<String>) async -> Response {
        if troubles.contains("throttled") { return text(429, "Too Many Requests") }
        if troubles.contains("failing") { return text(500, "Internal Server Error") }
        if troubles.contains("challenged") {
            return Response(
                403, headers: ["Content-Type": "text/html; charset=UTF-8", "cf-mitigated": "challenge"],
                content: .bytes(Array(SteamDocuments.challenge.utf8)))
        }
        if troubles.contains("garbled") { return text(200, "\u{1f}\u{0}\u{fffd}{{{ <<<") }
        // Longer than anybody waits for an answer.
        if troubles.contains("slow") { try? await Task.sleep(for: .seconds(12)) }
        if troubles.contains("truncated"), case .bytes(let bytes) = response.content {
            return truncated(response, bytes)
        }
        return response
    }

    /// Promises the whole and hangs up in the middle.
    private func truncated(_ response: Response, _ bytes: [UInt8]) -> Response {
        var response = response
        response.content = .stream { writer in
            try await writer.write(Array(bytes.prefix(bytes.count / 2)))
            throw CancellationError()
        }
        return response
    }

    private func dripping(_ response: Response, _ bytes: [UInt8]) -> Response {
        var response = response
        response.content = .stream { writer in
            for start in stride(from: 0, to: bytes.count, by: 20_000) {
                try await writer.write(Array(bytes[start..<min(start + 20_000, bytes.count)]))
                try await Task.sleep(for: .milliseconds(200))
            }
        }
        return response
    }

    // MARK: The sandbox's own

    private func desk(_ method: Method, _ parts: [String]) -> Response {
        switch (method, parts.first ?? "", parts.count) {
        case (.get, "mods", 1): return json(modsText)
        case (.get, "counts", 1): return json(state.countsText)
        case (.delete, "counts", 1):
            state.forgetCounts()
            return json(state.countsText)
        case (.get, "switches", 1): return json(state.switchesText)
        case (.delete, "switches", 1):
            state.turnAllOff()
            return json(state.switchesText)
        case (.put, "switches", 3), (.delete, "switches", 3):
            let mod = parts[1] == "all" ? 0 : Int64(parts[1])
            guard let it = SandboxSwitch(parts[2]), let mod else { return text(400, switchWords) }
            state.turn(it, for: mod, isOn: method == .put)
            return json(state.switchesText)
        case (.get, "steamcmd", 3): return plan(parts[1], parts[2])
        default: return text(404, "nothing here\n")
        }
    }

    /// Tells a burglar where things are, takes what it says, and shows that.
    private func burglar(_ request: Request) async -> Response {
        guard request.method != .get else { return text(200, state.loot.map { $0 + "\n" }.joined()) }
        guard let body = try? await request.body(upTo: 1 << 16) else { return text(413, "too large") }
        let lines = String(decoding: body, as: UTF8.self).split(separator: "\n").map(String.init)
        if request.method == .put { state.inside = lines } else { state.note(loot: lines) }
        return text(200, "")
    }

    private var switchWords: String {
        SandboxSwitch.Place.allCases.map { place in
            "\(place.rawValue): \(place.troubles.joined(separator: ", "))"
        }.joined(separator: "\n") + "\n"
    }

    private var modsText: String {
        JSONText.array(
            SandboxLibrary.mods.map { mod in
                .object([
                    ("id", .int(mod.id)), ("app", .int(mod.app)), ("title", .string(mod.title)),
                    ("bytes", .int(mod.size)),
                    ("files", .int(Int64(mod.files.count))),
                    ("unpacked", .int(Int64(mod.files.reduce(0) { $0 + $1.bytes }))),
                    ("members", mod.packing == nil ? .null : .array(mod.files.map { .string($0.path) })),
                    ("dependencies", .array(mod.dependencies.map { .int($0) })),
                ])
            }
        ).text
    }

    /// What the stand-in of steamcmd is to do with an item.
    private func plan(_ app: String, _ id: String) -> Response {
        let number = Int64(id) ?? 0
        state.count("steamcmd", number)
        var troubles = state.troubles(at: .steamcmd, for: number)
        let mod = SandboxLibrary.mod(number)
        if mod.map({ String($0.app) != app }) ?? true
            || state.troubles(at: .api, for: number).contains("removed")
        {
            troubles = ["file-not-found"]
        }
        if state.troubles(at: .api, for: number).contains("newer") { troubles.insert("newer") }
        let inside = troubles.contains("burglar") ? state.inside.map { "inside " + $0 } : []
        return text(200, (troubles.sorted() + inside).joined(separator: "\n"))
    }

    // MARK: Answers

    private static let asJSON: Headers = ["Content-Type": "application/json; charset=UTF-8"]

    private func json(_ text: String) -> Response {
        Response(200, headers: Self.asJSON, content: .bytes(Array(text.utf8)))
    }

    private func html(_ text: String) -> Response {
        Response(
            200, headers: ["Content-Type": "text/html; charset=UTF-8"], content: .bytes(Array(text.utf8)))
    }

    private func text(_ status: Int, _ text: String) -> Response {
        Response(
            status, headers: ["Content-Type": "text/plain; charset=UTF-8"], content: .bytes(Array(text.utf8)))
    }
}

/// Percent-encoded fields, as forms and queries have them.
enum FormText {
    static func fields(_ text: String) -> [String: String] {
        var fields: [String: String] = [:]
        for pair in text.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            fields[decoded(parts[0])] = parts.count == 2 ? decoded(parts[1]) : ""
        }
        return fields
    }

    static func decoded(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), rest.count >= 2,
                let code = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            {
                bytes.append(code)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte == UInt8(ascii: "+") ? 0x20 : byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
