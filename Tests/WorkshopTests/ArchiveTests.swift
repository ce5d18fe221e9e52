import FoundationEssentials
import Glibc
import Jobs
import Platform
import Sandbox
import TestSupport
import Testing
import Workshop
import World

/// Mods of the old kind whose one file is an archive: unpacked in a process of its own, or refused.
@Suite struct ArchiveTests {
    static let packed = SandboxLibrary.firstID + 201
    static let rolled = SandboxLibrary.firstID + 202

    @Test(arguments: [packed, rolled])
    func whatItsAuthorPackedIsUnpacked(id: Int64) async throws {
        try await withUpstream { up in
            let end = try await up.ending(of: try await up.ask("steam-download", id))
            #expect(end.state == .done, "\(end.error)")
            let mod = try #require(SandboxLibrary.mod(id))
            let out = up.folder + ".sandbox/out"
            let contents = try await Archive.unpack(try await up.published(id), into: out)
            #expect(contents.files == mod.files.count)
            #expect(contents.bytes == mod.contentBytes)
            for (index, file) in mod.files.enumerated() {
                let bytes = try Data(contentsOf: URL(filePath: out + "/" + file.path))
                #expect(Array(bytes) == mod.content(index), "\(file.path)")
            }
            #expect(up.count("file", id) == 1)
            try await up.expectNothingLeft(mods: 1)
        }
    }

    @Test func anArchiveOutOfWhichMoreComesThanThereIsRoomForMakesIt() async throws {
        let disk = Lock(Int64(1 << 40))
        try await withUpstream(change: { settings in
            let folder = settings.folder
            settings.freeBytes = { _ in disk.withLock { $0 } - Self.weight(of: folder) }
        }) { up in
            let mod = try #require(SandboxLibrary.mod(Self.packed))
            for id in [SandboxLibrary.firstID + 1, SandboxLibrary.firstID + 2] {
                #expect(try await up.ending(of: try await up.ask("steam-download", id)).state == .done)
            }
            try await up.slotsAreEmpty()
            // Enough for the archive and its ZIP, and not for its contents.
            disk.withLock { $0 = Self.weight(of: up.folder) + 2 * mod.size }
            let end = try await up.ending(of: try await up.ask("steam-download", Self.packed))
            #expect(end.state == .done, "\(end.error)")
            #expect(try await up.shop.condition(of: SandboxLibrary.firstID + 1) == nil)
            try await up.slotsAreEmpty()
        }
    }

    private static func weight(of folder: String) -> Int64 {
        ["/mods", "/slots"].reduce(0) { $0 + (Tree.diskBytes(in: folder + $1) ?? 0) }
    }

    /// What is put in the place of the file, and what is said of it.
    static let tricks: [(trouble: String, words: String)] = [
        ("dotdot", "\"../escaped\" is no name of a file inside a folder"),
        ("absolute", "\"/tmp/motorpool-sandbox-escaped\" is no name"),
        ("link", "\"out\" is neither a file nor a folder"),
        ("device", "\"null\" is neither a file nor a folder"),
        ("collision", "\"Readme.TXT\" is there already"), ("encrypted", "\"readme.txt\" is encrypted"),
        ("bomb", "more than 200 times its size"), ("crowd", "more than 100000 files and folders"),
        ("cut", "damaged, or cut off"), ("pretended", "damaged, or cut off"),
    ]

    @Test(arguments: tricks)
    func whatIsNotPlainIsRefusedAndLeavesNothing(trouble: String, words: String) async throws {
        try await withUpstream { up in
            let canary = up.folder + "/escaped"
            try Data("mine".utf8).write(to: URL(filePath: canary))
            // A mod without ill will has the same file, its name says nothing.
            let id = SandboxLibrary.firstID + 200
            up.sandbox.turn(try #require(SandboxSwitch("file:archive-\(trouble)")), for: id)
            let end = try await up.ending(of: try await up.ask("steam-download", id))
            #expect(end.state == .dead)
            #expect(end.error.hasPrefix("the archive is refused: "), "\(end.error)")
            #expect(end.error.contains(words), "\(end.error)")
            #expect(try await up.shop.condition(of: id) == nil)
            #expect(Array(try Data(contentsOf: URL(filePath: canary))) == Array("mine".utf8))
            #expect(access("/tmp/motorpool-sandbox-escaped", F_OK) != 0)
            unlink(canary)
            try await up.expectNothingLeft(mods: 0)
        }
    }

    /// Up to where a bomb comes: by its own size, or by what a mod may have.
    @Test(arguments: [(itemBytesMax: Int64(20 << 30), disk: Int64(10 << 20)), (2 << 20, 2 << 20)])
    func aBombIsEndedBeforeItFillsTheDisk(itemBytesMax: Int64, disk: Int64) async throws {
        try await withUpstream(change: { $0.itemBytesMax = itemBytesMax }) { up in
            let id = SandboxLibrary.firstID + 200
            up.sandbox.turn(try #require(SandboxSwitch("file:archive-bomb")), for: id)
            let job = try await up.ask("steam-download", id)
            let watch = Task {
                var most: Int64 = 0
                while !Task.isCancelled {
                    most = max(most, Tree.diskBytes(in: up.folder + "/slots") ?? 0)
                    try? await Task.sleep(for: .milliseconds(2))
                }
                return most
            }
            let end = try await up.ending(of: job)
            watch.cancel()
            #expect(end.error.contains(itemBytesMax == disk ? "more than 2097152 bytes" : "200 times"))
            let most = await watch.value
            #expect(most <= disk * 105 / 100 + 65_536, "\(most) bytes")
            try await up.expectNothingLeft(mods: 0)
        }
    }

    /// What a program in the place of ours may do, and what is said of it. `$3` is the folder that it is to make.
    static let programs: [(program: String, words: String)] = [
        ("kill -SEGV $$", "crashed (signal 11)"), ("kill -ABRT $$", "crashed (signal 6)"),
        ("kill -KILL $$", "more memory or time than it may"), ("exec sleep 600", "does not come to an end"),
        ("while :; do :; done", "does not come to an end"), ("yes", "it said too much"),
        ("exit 0", "without an answer (exited with code 0)"), ("exit 64", "exited with code 64"),
        ("mkdir \"$3\"; echo unpacked 1 0 4", "there are 0 of 0"),
        ("echo unpacked 1 0 4; exit 42", "exited with code 42"),
        ("echo refused x; exit 0", "exited with code 0"), ("echo hello; echo unpacked 1 0 4", "code 0"),
        ("mkdir \"$3\"; printf 1234 >\"$3/a\"; echo unpacked 1 0 5", "there are 1 of 4"),
        ("mkdir \"$3\"; printf 1234 >\"$3/a\"; echo unpacked -1 0 4", "without an answer"),
        ("mkdir \"$3\"; printf 1 >\"$3/a\"; ln -s / \"$3/l\"; echo unpacked 1 0 1", "it is no plain file: l"),
        ("mkdir \"$3\"; mknod \"$3/p\" p; echo unpacked 0 0 0", "it is no plain file: p"),
        (
            "cd ..; mv work/install moved; ln -s ../moved work/install; mkdir moved/files; printf 1 >moved/files/a;"
                + " echo unpacked 1 0 1", "not where it was to be"
        ), ("ln -s / \"$3\"; echo unpacked 1 0 1", "not where it was to be"),
        ("echo unpacked 1 0 1", "not where it was to be"),
        ("printf 'refused \\033[2Jred\\342\\200\\256\\n'; exit 42", "refused: \u{fffd}[2Jred\u{fffd}"),
        ("printf 'refused %s\\n' $(seq 1000 1150); exit 42", "without an answer"),
        ("echo no archive; exit 40", "damaged, or cut off"), ("echo too large; exit 41", "bytes come out"),
        ("echo disk full; exit 43", "this machine's disk: full"),
        ("echo refused $(ulimit -v) $(ulimit -t) $(ulimit -c); exit 42", "refused: 524288 32 0"),
        ("echo refused $(env | grep -c -e DATABASE -e SECRET) $HOME; exit 42", "refused: 0 "),
        ("setsid -f sleep 600; (sleep 600 &); echo refused them; exit 42", "refused: them"),
    ]

    @Test(arguments: programs)
    func aBrokenProgramIsNotBelieved(program: String, words: String) async throws {
        try await withUpstream(change: Upstream.withOtherUnpacker) { up in
            let end = try await up.download(Self.packed, unpackedBy: program)
            #expect(end.state == .dead)
            #expect(end.error.contains(words), "\(end.error)")
            #expect(try await up.shop.condition(of: Self.packed) == nil)
            try await up.expectNothingLeft(mods: 0)
        }
    }

    @Test(.enabled(if: Confinement.Kernel.shared.landlock > 0, "this kernel has no Landlock"))
    func aProgramThatWritesOutsideIsKeptIn() async throws {
        try await withUpstream(change: Upstream.withOtherUnpacker) { up in
            mkdir(up.folder + "/mods/canary", 0o700)
            let end = try await up.download(
                Self.packed,
                unpackedBy: """
                    echo x >"\(up.folder)/escaped"; mkdir "$HOME/../../../escaped"; ln -s / "$HOME/../../escaped"
                    rmdir "\(up.folder)/mods/canary"
                    echo refused it; exit 42
                    """)
            #expect(end.state == .dead)
            try await up.expectNothingLeft(mods: 1)
        }
    }

    /// What a program may leave where the ZIP is made: none of it is read, followed or waited for.
    @Test(arguments: ["mkfifo %", "ln -s $HOME/../../../../mods/canary %", "mkdir -p %/x", "echo PK >%"])
    func whatStandsInTheZipsPlaceIsNoHindrance(trick: String) async throws {
        try await withUpstream(change: Upstream.withOtherUnpacker) { up in
            try Storehouse(up.folder).open()
            try Data("mine".utf8).write(to: URL(filePath: up.folder + "/mods/canary"))
            let place = trick.replacing("%", with: "\"$HOME/../work/pack.zip\"")
            let end = try await up.download(
                Self.packed, unpackedBy: "\(place); mkdir \"$3\"; printf 1 >\"$3/a\"; echo unpacked 1 0 1")
            #expect(end.state == .done, "\(end.error)")
            let checked = try await ZipCheck.verify(try await up.published(Self.packed))
            #expect(checked == Archive.Contents(files: 1, folders: 0, bytes: 1))
            let canary = Array(try Data(contentsOf: URL(filePath: up.folder + "/mods/canary")))
            #expect(canary == Array("mine".utf8))
            try await up.expectNothingLeft(mods: 2)
        }
    }

    @Test func whatIsCompressedAndNoArchiveIsPackedAsItIs() async throws {
        try await withUpstream(change: Upstream.withOtherUnpacker) { up in
            let end = try await up.download(Self.rolled, unpackedBy: "echo no archive; exit 40")
            #expect(end.state == .done, "\(end.error)")
            let out = up.folder + ".sandbox/out"
            let contents = try await Archive.unpack(try await up.published(Self.rolled), into: out)
            let mod = try #require(SandboxLibrary.mod(Self.rolled))
            #expect(contents == Archive.Contents(files: 1, folders: 0, bytes: mod.size))
            #expect(Array(try Data(contentsOf: URL(filePath: out + "/rolled_legacy"))) == mod.packed)
        }
    }

    @Test func withoutAProgramAnArchiveIsRefusedAndAnyOtherFileIsNot() async throws {
        try await withUpstream(change: { $0.unpacker = nil }) { up in
            let end = try await up.ending(of: try await up.ask("steam-download", Self.packed))
            #expect(end.state == .dead)
            #expect(end.error.contains("no program here that could unpack it"), "\(end.error)")
            let other = try await up.ending(
                of: try await up.ask("steam-download", SandboxLibrary.firstID + 200))
            #expect(other.state == .done, "\(other.error)")
            try await up.expectNothingLeft(mods: 1)
        }
    }
}

extension Upstream {
    /// Where the ZIP of a mod lies.
    fileprivate func published(_ id: Int64) async throws -> String {
        let file = try #require(try await shop.catalogue.files(of: [id])[id])
        return Storehouse(settings.folder).path(of: id, file)
    }

    /// The place of a program that `download` puts there.
    @Sendable fileprivate static func withOtherUnpacker(_ settings: inout SteamSettings) {
        settings.unpacker = settings.folder + ".sandbox/unpacker"
    }

    /// Downloads a mod while a shell program stands in the place of what unpacks.
    fileprivate func download(
        _ id: Int64, unpackedBy program: String
    ) async throws -> (state: ToldState, error: String) {
        let path = try #require(settings.unpacker)
        try Data("#!/bin/sh\n\(program)\n".utf8).write(to: URL(filePath: path + ".new"))
        chmod(path + ".new", 0o755)
        #expect(rename(path + ".new", path) == 0)
        return try await ending(of: try await ask("steam-download", id))
    }

    /// Nobody runs any more, slots are empty, and nothing stands anywhere else.
    fileprivate func expectNothingLeft(mods: Int) async throws {
        try await slotsAreEmpty()
        #expect(residents() == [])
        #expect(names("") == ["mods", "slots"])
        #expect(names("/mods").count == mods)
    }
}
