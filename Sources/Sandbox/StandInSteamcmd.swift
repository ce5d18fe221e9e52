internal import Glibc
internal import World

/// Behaves like steamcmd on its command line, in its output and in what it leaves behind, and fetches from the sandbox.
package struct StandInSteamcmd {
    private let sandbox: String
    private let home: String
    private var folder: String
    private var troubles: Set<String> = []
    private var isLoggedIn = false

    /// - Parameters:
    ///   - sandbox: its address.
    ///   - home: where the logs go, as $HOME says.
    package init(sandbox: String, home: String) {
        self.sandbox = sandbox
        self.home = home
        folder = home + "/Steam"
    }

    /// Runs one session.
    /// - Returns: the exit code.
    package mutating func run(_ arguments: [String]) async -> Int32 {
        greet()
        var code: Int32 = 0
        for command in Self.commands(arguments) {
            switch (command.first ?? "", command.count) {
            case ("force_install_dir", 2): folder = command[1]
            case ("login", 2...): isLoggedIn = await login()
            case ("workshop_download_item", 3...):
                if let odd = await download(app: command[1], id: command[2]) { code = odd }
            case ("quit", _): return code
            default: say("Command not found: \(command.first ?? "")")
            }
        }
        return code
    }

    /// What stands between two words that begin with a plus.
    private static func commands(_ arguments: [String]) -> [[String]] {
        var commands: [[String]] = []
        for word in arguments {
            if word.hasPrefix("+") {
                commands.append([String(word.dropFirst())])
            } else if !commands.isEmpty {
                commands[commands.count - 1].append(word)
            }
        }
        return commands
    }

    private func greet() {
        for part in ["", "/logs"] { mkdir(home + "/Steam" + part, 0o755) }
        say("Redirecting stderr to '\(home)/Steam/logs/stderr.txt'")
        say("[  0%] Checking for available updates...")
        say("[----] Verifying installation...")
        say("Steam Console Client (c) Valve Corporation - version 1738027521")
        say("-- type 'quit' to exit --")
        say("Loading Steam API...OK")
    }

    private func login() async -> Bool {
        say("")
        say("Connecting anonymously to Steam Public...OK")
        say("Waiting for client config...OK")
        say("Waiting for user info...OK", isGlued: true)
        return true
    }

    // MARK: One item

    /// - Returns: an exit code that says something else than the text.
    private mutating func download(app: String, id: String) async -> Int32? {
        guard let plan = await plan(app, id) else {
            say("")
            say("ERROR! Download item \(id) failed (No Connection).")
            return nil
        }
        troubles = plan
        if troubles.contains("rate-limit") {
            say("")
            say("Logging in user 'anonymous' to Steam Public...FAILED (Rate Limit Exceeded)")
            return 5
        }
        if troubles.contains("not-logged-on") {
            say("")
            say("ERROR! Not logged on.")
            return nil
        }
        say("Downloading item \(id) ...", isGlued: true)
        await dawdle(.seconds(2))
        await burgle()
        await misbehave()
        if let words = failureWords(id) {
            if troubles.contains("timeout") || troubles.contains("no-connection") { leaveHalf(app, id) }
            say(words)
            return nil
        }
        guard let number = Int64(id), let mod = SandboxLibrary.mod(number) else { return nil }
        return await fetch(mod)
    }

    private func plan(_ app: String, _ id: String) async -> Set<String>? {
        var settings = WebSettings()
        settings.reach = .anywhere
        let web = Web(settings: settings)
        let answer = try? await web.fetch(WebRequest("\(sandbox)/sandbox/steamcmd/\(app)/\(id)"))
        await web.close()
        guard let answer, answer.isSuccess else { return nil }
        return Set(String(decoding: answer.body, as: UTF8.self).split(separator: "\n").map(String.init))
    }

    /// The sentence with which it gives up; glued and coloured as the real one's often are.
    private func failureWords(_ id: String) -> String? {
        func failed(_ reason: String) -> String { "ERROR! Download item \(id) failed (\(reason))." }
        if troubles.contains("timeout") {
            return
                "ERROR! Timeout downloading item \(id)../common/pipes.cpp (774) : Assertion Failed: stalled pipe"
        }
        let reasons = [
            "no-connection": "No Connection", "failure": "Failure", "locking": "Locking Failed",
            "access-denied": "Access Denied", "no-subscription": "No subscription",
            "file-not-found": "File Not Found", "io": "I/O Operation Failed",
        ]
        for (trouble, reason) in reasons where troubles.contains(trouble) {
            return "\u{1b}[0m" + failed(reason) + "\u{1b}[0m"
        }
        return nil
    }

    private func itemFolder(_ app: String, _ id: String) -> String {
        "\(folder)/steamapps/workshop/content/\(app)/\(id)"
    }

    private func leaveHalf(_ app: String, _ id: String) {
        let part = "\(folder)/steamapps/workshop/downloads/\(app)/\(id)"
        try? SandboxFile.makeFolders(part)
        try? SandboxFile.write(part + "/half.bin", [UInt8](repeating: 7, count: 10_000))
    }

    private func fetch(_ mod: SandboxMod) async -> Int32? {
        let target = itemFolder(String(mod.app), String(mod.id))
        do {
            try SandboxFile.makeFolders(target)
            if !troubles.contains("empty") {
                for (index, file) in mod.files.enumerated() { try await write(mod, index, file, target) }
            }
            if troubles.contains("link") { symlink("/etc/passwd", target + "/passwd") }
            if !troubles.contains("no-entry") { try note(mod) }
        } catch {
            say("ERROR! Download item \(mod.id) failed (I/O Operation Failed).")
            return nil
        }
        say("Success. Downloaded item \(mod.id) to \"\(target)\" (\(mod.size) bytes) ")
        return troubles.contains("odd-exit") ? 5 : nil
    }

    private func write(_ mod: SandboxMod, _ index: Int, _ file: SandboxMod.File, _ target: String)
        async throws
    {
        let path = target + "/" + file.path
        if let slash = path.lastIndex(of: "/") { try SandboxFile.makeFolders(String(path[..<slash])) }
        var bytes = mod.content(index)
        if index == 0, troubles.contains("wrong-size") { bytes.removeLast(min(3, bytes.count)) }
        try SandboxFile.write(path, bytes)
        await dawdle(.milliseconds(700))
        if index == 0, troubles.contains("crash") {
            abort()
        }
    }

    /// Before it begins, and after each file.
    private func dawdle(_ time: Duration) async {
        // Nobody cancels it: it is killed.
        if troubles.contains("slow") { try? await Task.sleep(for: time) }
    }

    /// As steamcmd keeps its books.
    private func note(_ mod: SandboxMod) throws {
        let updated = mod.updated + (troubles.contains("newer") ? 1_000_000 : 0)
        let entry =
            "\t\t\"\(mod.id)\"\n\t\t{\n\t\t\t\"size\"\t\t\"\(mod.size)\"\n\t\t\t\"timeupdated\"\t\t\"\(updated)\"\n"
        let text = """
            "AppWorkshop"
            {
            \t"appid"\t\t"\(mod.app)"
            \t"SizeOnDisk"\t\t"\(mod.size)"
            \t"NeedsUpdate"\t\t"0"
            \t"NeedsDownload"\t\t"0"
            \t"WorkshopItemsInstalled"
            \t{
            \(entry)\t\t\t"manifest"\t\t"\(mod.id &* 7)"
            \t\t}
            \t}
            \t"WorkshopItemDetails"
            \t{
            \t\t"\(mod.id)"
            \t\t{
            \t\t\t"manifest"\t\t"\(mod.id &* 7)"
            \t\t\t"timeupdated"\t\t"\(updated)"
            \t\t}
            \t}
            }

            """
        try SandboxFile.write("\(folder)/steamapps/workshop/appworkshop_\(mod.app).acf", Array(text.utf8))
    }

    // MARK: Bad manners

    private func misbehave() async {
        if troubles.contains("deaf") { signal(SIGTERM, SIG_IGN) }
        if troubles.contains("escape") {
            // What a hostile item or a broken program might try, from where it stands.
            for up in ["../../escaped", "../../../escaped"] {
                try? SandboxFile.write(folder + "/" + up, Array("outside".utf8))
            }
        }
        if troubles.contains("daemon") { spawn(["setsid", "-f", "sleep", "3600"]) }
        if troubles.contains("crowd") { for _ in 0..<40 { spawn(["sleep", "3600"]) } }
        if troubles.contains("flood") {
            let line = String(repeating: "x", count: 10_000)
            for _ in 0..<1_000_000 { say(line) }
        }
        if troubles.contains("hang") || troubles.contains("deaf") {
            while true { try? await Task.sleep(for: .seconds(3600)) }
        }
    }

    /// Tries what the sandbox's burglar may try, and tells it.
    private func burgle() async {
        let burglar = Burglar(troubles, home: home)
        if troubles.contains("burglar-memory") { burglar.takeMemory() }
        if troubles.contains("burglar-disk") { burglar.fillDisk() }
        if troubles.contains("burglar-processes") { burglar.crowd() }
        guard troubles.contains("burglar") else { return }
        await tell(burglar.tries())
        // When the keeper can be ended, this is the end.
        await tell(burglar.outlive())
    }

    private func tell(_ tries: [Burglar.Try]) async {
        var settings = WebSettings()
        settings.reach = .anywhere
        let web = Web(settings: settings)
        var request = WebRequest("\(sandbox)/sandbox/burglar")
        request.method = .post
        request.body = Array(tries.map { $0.line + "\n" }.joined().utf8)
        // What can't be told is missed by whoever looks for it.
        _ = try? await web.fetch(request)
        await web.close()
    }

    private func spawn(_ words: [String]) {
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
        arguments.append(nil)
        var pid = pid_t()
        var environment: [UnsafeMutablePointer<CChar>?] = [nil]
        posix_spawnp(&pid, words[0], nil, nil, &arguments, &environment)
        for argument in arguments { free(argument) }
    }

    private func say(_ text: String, isGlued: Bool = false) {
        // Past any buffer: what was said before a crash has been said.
        let line = Array((isGlued ? text : text + "\n").utf8)
        _ = line.withUnsafeBytes { Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
    }
}
