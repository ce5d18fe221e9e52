import Farm
import Glibc
import Jobs
import Platform
import Postgres
import Sandbox
import Store
import TestSupport
import Testing
import Workshop
import World

/// From the question to the ZIP on the shelf, with everything that may go wrong between.
@Suite struct KindTests {
    static let first = SandboxLibrary.firstID

    @Test func aModIsFetchedPackedPublishedAndRegistered() async throws {
        try await withUpstream { up in
            let id = Self.first + 2
            let job = try await up.ask("steam-download", id)
            let end = try await up.ending(of: job)
            #expect(end.state == .done, "\(end.error)")
            let file = try #require(try await up.shop.catalogue.files(of: [id])[id])
            let path = Storehouse(up.settings.folder).path(of: id, file)
            let checked = try await ZipCheck.verify(path)
            let mod = try #require(SandboxLibrary.mod(id))
            #expect(checked.bytes == mod.size)
            #expect(checked.files == mod.files.count)
            try await eventually("its page is read", within: .seconds(20)) {
                try await up.shop.condition(of: id) == 0
            }
            let dependencies = try await up.shop.numbers(
                "SELECT dependency FROM workshop.mods_dependencies WHERE mod = \(id) ORDER BY place")
            #expect(dependencies == mod.dependencies)
            let resources = try await up.shop.numbers(
                "SELECT count(*) FROM workshop.resources WHERE mod = \(id)")
            #expect(resources == [Int64(mod.screenshots + 1)])
            try await eventually("its game is registered", within: .seconds(20)) {
                try await up.shop.catalogue.knows(game: mod.app)
            }
            try await up.slotsAreEmpty()
        }
    }

    @Test func anItemWithAnAddressNeedsNoSteamcmd() async throws {
        try await withUpstream { up in
            let id = Self.first + 200
            let end = try await up.ending(of: try await up.ask("steam-download", id))
            #expect(end.state == .done, "\(end.error)")
            #expect(up.count("file", id) == 1)
            #expect(up.count("steamcmd", id) == 0)
        }
    }

    /// What the stand-in of steamcmd does, how often it is called for it, and what is said of it; `nil`: it goes well.
    static let modes: [(trouble: String, calls: ClosedRange<Int>, words: String?)] = [
        ("timeout", 1...5, "Timeout"), ("no-connection", 1...5, "No Connection"),
        ("failure", 1...3, "Failure"),
        ("locking", 1...3, "Locking Failed"), ("access-denied", 1...1, "Access Denied"),
        ("no-subscription", 1...1, "No subscription"), ("file-not-found", 1...1, "File Not Found"),
        ("io", 1...1, "I/O Operation Failed"), ("not-logged-on", 1...4, "Not logged on"),
        ("odd-exit", 1...1, nil),
        ("flood", 1...3, "not a word"), ("daemon", 1...1, nil), ("crowd", 1...1, nil),
        ("link", 1...1, "no plain file"),
        ("empty", 1...3, "without files"), ("wrong-size", 1...3, "Steam announced"),
        ("no-entry", 1...3, "own book"),
        ("crash", 1...3, "not a word"), ("hang", 1...3, "Timeout"), ("deaf", 1...3, "Timeout"),
    ]

    @Test(arguments: 0..<5)
    func everyModeOfSteamcmdHasItsClassAndLeavesNothing(round: Int) async throws {
        try await withUpstream { up in
            var jobs: [JobID] = []
            for (number, mode) in Self.modes.enumerated() {
                let id = Self.first + Int64(number)
                up.sandbox.turn(try #require(SandboxSwitch("steamcmd:\(mode.trouble)")), for: id)
                jobs.append(try await up.ask("steam-download", id))
            }
            for (number, mode) in Self.modes.enumerated() {
                let end = try await up.ending(of: jobs[number], within: .seconds(180))
                #expect(end.state == (mode.words == nil ? .done : .dead), "\(mode.trouble): \(end.error)")
                #expect(end.error.contains(mode.words ?? ""), "\(mode.trouble): \(end.error)")
                let calls = up.count("steamcmd", Self.first + Int64(number))
                #expect(mode.calls.contains(calls), "\(mode.trouble): called \(calls) times")
                let condition = try await up.shop.condition(of: Self.first + Int64(number))
                #expect((condition == nil) == (mode.words != nil), "\(mode.trouble)")
            }
            // Afterwards: nobody is left, and nothing stands anywhere but where it should.
            #expect(up.residents() == [])
            #expect(up.names("") == ["mods", "slots"])
            try await up.slotsAreEmpty()
            #expect(up.names("/mods").count == Self.modes.count { $0.words == nil })
        }
    }

    @Test(.enabled(if: Confinement.Kernel.shared.landlock > 0, "this kernel has no Landlock"))
    func aProgramThatWritesOutsideIsKeptIn() async throws {
        try await withUpstream { up in
            up.sandbox.turn(try #require(SandboxSwitch("steamcmd:escape")), for: Self.first)
            let end = try await up.ending(of: try await up.ask("steam-download", Self.first))
            #expect(end.state == .done, "\(end.error)")
            #expect(up.names("") == ["mods", "slots"])
            #expect(!up.names("/slots").contains("escaped"))
        }
    }

    @Test func whoStoodLongInLineIsTriedAsOftenAsOthers() async throws {
        try await withUpstream { up in
            up.sandbox.turn(try #require(SandboxSwitch("steamcmd:timeout")), for: Self.first)
            let job = try await up.shop.store.database.transaction { tx in
                let asked = try await up.shop.store.enqueue(
                    [NewJob("steam-download", args: JSON(text: "{\"id\":\(Self.first)}"))], in: tx
                ).answers[0].job
                try await tx.run(
                    "UPDATE motorpool.jobs SET patient_from = now() - interval '1 hour' WHERE id = \(asked.number)"
                )
                return asked
            }
            let end = try await up.ending(of: job)
            #expect(end.error.contains("Timeout"), "\(end.error)")
            #expect(up.count("steamcmd", Self.first) > 1)
        }
    }

    @Test func tooManyLogInsMakeSteamcmdRestForEverybody() async throws {
        try await withUpstream { up in
            up.sandbox.turn(try #require(SandboxSwitch("steamcmd:rate-limit")), for: Self.first)
            let end = try await up.ending(of: try await up.ask("steam-download", Self.first))
            #expect(end.error.contains("Rate Limit Exceeded"))
            let other = try await up.ending(of: try await up.ask("steam-download", Self.first + 1))
            #expect(other.error.contains("rests until"))
            #expect(up.count("steamcmd", Self.first + 1) == 0)
        }
    }

    @Test(arguments: [
        ("api:throttled", "rests"), ("api:challenged", "rests"), ("api:failing", "500"),
        ("api:garbled", "garbled"),
        ("api:truncated", "no end"), ("api:removed", "no such item"), ("api:busy", "can't say"),
        ("file:wrong-size", "Steam announced"), ("file:redirect-inside", "refused"),
        ("file:redirect-metadata", "refused"), ("file:throttled", "rests"), ("file:removed", "404"),
    ])
    func whatGoesWrongOnTheWebIsTold(trouble: String, words: String) async throws {
        try await withUpstream { up in
            let id = Self.first + 200
            up.sandbox.turn(try #require(SandboxSwitch(trouble)), for: id)
            var end = try await up.ending(of: try await up.ask("steam-download", id))
            if words == "rests" {
                // The first one meets the complaint; nobody asks after that.
                end = try await up.ending(of: try await up.ask("steam-download", id))
            }
            #expect(end.state == .dead)
            #expect(end.error.contains(words), "\(end.error)")
            #expect(up.count("canary", 0) == 0)
            #expect(up.names("/mods") == [])
        }
    }

    @Test func aFileThatIsNotGivenIsNothingToTheOthers() async throws {
        try await withUpstream { up in
            let id = Self.first + 200
            up.sandbox.turn(try #require(SandboxSwitch("file:forbidden")), for: id)
            let end = try await up.ending(of: try await up.ask("steam-download", id))
            #expect(end.error.contains("403"), "\(end.error)")
            let other = try await up.ending(of: try await up.ask("steam-download", id + 1))
            #expect(other.state == .done, "\(other.error)")
        }
    }

    @Test func aChangedPageIsAFailureOfItsOwn() async throws {
        try await withUpstream { up in
            up.sandbox.turn(try #require(SandboxSwitch("page:changed-layout")), for: Self.first)
            let end = try await up.ending(of: try await up.ask("steam-page", Self.first))
            #expect(end.state == .dead)
            #expect(end.error.contains("changed layout"))
        }
    }

    @Test func lookUpsThatComeTogetherAreOneRequest() async throws {
        try await withUpstream { up in
            var jobs: [JobID] = []
            for number in 0..<24 {
                jobs.append(try await up.ask("steam-details", Self.first + Int64(number)))
            }
            for job in jobs { #expect(try await up.ending(of: job).state == .done) }
            for number in 0..<24 { #expect(up.count("details", Self.first + Int64(number)) == 1) }
        }
    }

    @Test func fiftyClientsOfOneModMakeOneDownload() async throws {
        try await withUpstream { up in
            let id = Self.first + 4
            let words = await withTaskGroup(of: String.self) { group in
                for _ in 0..<50 {
                    group.addTask {
                        let answer = await up.shop.ask("/download/steam/\(id)")
                        return "\(answer.status) \(answer.errorID ?? -1)"
                    }
                }
                return await group.reduce(into: Set<String>()) { $0.insert($1) }
            }
            #expect(words.isSubset(of: ["202 0", "202 3", "200 -1"]), "\(words)")
            try await eventually("it is ready", within: .seconds(30)) {
                try await up.shop.condition(of: id) == 0
            }
            #expect(up.count("steamcmd", id) == 1)
            #expect(up.count("details", id) == 1)
            // A warm mod is sent without asking anybody.
            let counts = up.sandbox.counts
            for _ in 0..<20 { #expect(await up.shop.ask("/download/steam/\(id)").isFile) }
            #expect(up.sandbox.counts == counts)
        }
    }

    @Test func whenTheDiskIsFullTheModAskedForLongestAgoGoes() async throws {
        try await withUpstream(change: { $0.diskBytesMax = 150_000 }) { up in
            let ids = [Self.first, Self.first + 3, Self.first + 6]
            for id in ids {
                let end = try await up.ending(of: try await up.ask("steam-download", id))
                #expect(end.state == .done, "\(end.error)")
            }
            _ = try await up.ending(of: try await up.ask("workshop-upkeep", 1))
            #expect(try await up.shop.catalogue.bytesStored() <= 150_000)
            let files = try await up.shop.catalogue.files(of: ids)
            #expect(files[ids[0]] == nil)
            #expect(files[ids[2]] != nil)
            #expect(try await up.shop.condition(of: ids[0]) == nil)
            #expect(up.names("/mods").count == files.count)
            let again = try await up.ending(of: try await up.ask("steam-download", ids[0]))
            #expect(again.state == .done)
        }
    }

    /// A disk of so many bytes, on which only ZIPs take room.
    private static func disk(of bytes: Int64) -> @Sendable (String) throws -> Int64 {
        { folder in
            (FolderListing.names(in: folder + "/mods") ?? []).reduce(bytes) { left, name in
                var status = stat()
                return lstat(folder + "/mods/" + name, &status) == 0 ? left - Int64(status.st_size) : left
            }
        }
    }

    @Test func aDownloadThatLacksRoomMakesIt() async throws {
        let sizes = try [0, 3, 6].map { try #require(SandboxLibrary.mod(Self.first + $0)).size }
        let largest = sizes.max() ?? 0
        // They fit, and what the largest takes while it is made does not fit beside another one.
        try await withUpstream(change: {
            $0.diskFreeMin = 1 << 20
            $0.freeBytes = Self.disk(of: (1 << 20) + 2 * largest)
        }) { up in
            for id in [Self.first, Self.first + 3, Self.first + 6] {
                let end = try await up.ending(of: try await up.ask("steam-download", id))
                #expect(end.state == .done, "\(end.error)")
            }
            #expect(try await up.shop.condition(of: Self.first) == nil)
            #expect(try await up.shop.condition(of: Self.first + 6) != nil)
            let rows = try await up.shop.numbers("SELECT id FROM workshop.mods")
            #expect(up.names("/mods").count == rows.count)
        }
    }

    @Test func nothingGoesForADownloadThatWouldNotFitAnyhow() async throws {
        let size = try #require(SandboxLibrary.mod(Self.first)).size
        let room = Lock(Int64(1 << 40))
        try await withUpstream(change: { $0.freeBytes = { _ in room.withLock { $0 } } }) { up in
            let end = try await up.ending(of: try await up.ask("steam-download", Self.first))
            #expect(end.state == .done, "\(end.error)")
            room.withLock { $0 = size }
            let other = try await up.ending(of: try await up.ask("steam-download", Self.first + 3))
            #expect(other.error.contains("No space left"), "\(other.error)")
            #expect(try await up.shop.condition(of: Self.first) != nil)
        }
    }

    /// As on a file system that gives room back later.
    @Test func noMoreGoesThanWhatIsLackingHoweverLateTheRoomIsGivenBack() async throws {
        let room = Lock(Int64(1 << 40))
        try await withUpstream(change: { $0.freeBytes = { _ in room.withLock { $0 } } }) { up in
            for id in [Self.first, Self.first + 3, Self.first + 6] {
                let end = try await up.ending(of: try await up.ask("steam-download", id))
                #expect(end.state == .done, "\(end.error)")
            }
            room.withLock { $0 = -1 }
            let end = try await up.ending(of: try await up.ask("workshop-upkeep", 1))
            #expect(end.state == .done, "\(end.error)")
            #expect(up.names("/mods").count == 2)
            #expect(try await up.shop.condition(of: Self.first) == nil)
        }
    }

    @Test func whatOthersHoldOrNobodyCanRemoveKeepsNobodyFromTheRest() async throws {
        try await withUpstream(change: { $0.diskBytesMax = 0 }) { up in
            // A slot of another machine's, at work, and what a file system keeps for itself.
            let storehouse = Storehouse(up.folder)
            try storehouse.open()
            for path in ["/slots/0", "/slots/0/use", "/mods/lost+found"] { mkdir(up.folder + path, 0o700) }
            let lock = open(up.folder + "/slots/0/lock", O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
            defer { close(lock) }
            let note = Array("99999999 5 feedfacefeedfacefeedfacefeedface \n".utf8)
            #expect(write(lock, note, note.count) == note.count && flock(lock, LOCK_EX | LOCK_NB) == 0)
            let began = BootClock.now
            let end = try await up.ending(of: try await up.ask("steam-download", Self.first))
            #expect(end.state == .done, "\(end.error)")
            #expect(BootClock.now - began < .seconds(8))
            let upkeep = try await up.ending(of: try await up.ask("workshop-upkeep", 1))
            #expect(upkeep.state == .done, "\(upkeep.error)")
            #expect(up.names("/mods") == ["lost+found"])
            #expect(up.names("/slots/0") == ["lock", "use"])
        }
    }

    @Test func whatNoRowNamesIsRemoved() async throws {
        try await withUpstream { up in
            let end = try await up.ending(of: try await up.ask("steam-download", Self.first))
            #expect(end.state == .done, "\(end.error)")
            for name in ["\(Self.first)-00.zip", "12-ab.zip", "part.abc"] {
                close(open(up.folder + "/mods/" + name, O_CREAT | O_WRONLY, 0o600))
            }
            _ = try await up.ending(of: try await up.ask("workshop-upkeep", 1))
            #expect(up.names("/mods").count == 1)
            #expect(try await up.shop.condition(of: Self.first) != nil)
        }
    }
}
