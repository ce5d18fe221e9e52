import Testing
import World

@Suite("An honest archive")
struct UnpackTests {
    private static let members = """
        import sys, zipfile, tarfile, io
        members = [("a.txt", b"first"), ("\\u041c\\u0438\\u0440/\\u043c\\u043e\\u0434.txt", b"second" * 50000), ("d/e/f", b"")]
        path = sys.argv[1]

        """

    private static let zip = """
        z = zipfile.ZipFile(path, "w")
        for (name, data), method in zip(members, [0, 12, 8]):
            z.writestr(name, data, method)
        z.mkdir("empty")
        z.close()
        """

    private static func tar(_ mode: String, _ format: String = "tarfile.PAX_FORMAT") -> String {
        """
        t = tarfile.open(path, "w\(mode)", format=\(format))
        for name, data in members:
            i = tarfile.TarInfo("./" + name)
            i.size = len(data)
            t.addfile(i, io.BytesIO(data))
        i = tarfile.TarInfo("empty")
        i.type = tarfile.DIRTYPE
        t.addfile(i)
        t.close()
        """
    }

    @Test(
        "comes out as it went in",
        arguments: [zip, tar(""), tar(":gz"), tar(":bz2"), tar("", "tarfile.GNU_FORMAT")])
    func formats(program: String) async throws {
        try await withScratch { scratch in
            try await python(Self.members + program, scratch + "/archive")
            let told = Told<Int64>()
            let contents = try await Archive.unpack(scratch + "/archive", into: scratch + "/out") {
                told.add($0)
            }
            #expect(contents == Archive.Contents(files: 3, folders: 4, bytes: 300_005))
            #expect(told.all.last == 300_005)
            #expect(
                try paths(in: scratch + "/out") == [
                    "a.txt", "d/", "d/e/", "d/e/f", "empty/", "Мир/", "Мир/мод.txt",
                ])
            #expect(try bytes(of: scratch + "/out/a.txt") == Array("first".utf8))
            #expect(try bytes(of: scratch + "/out/Мир/мод.txt").count == 300_000)
        }
    }

    @Test("of the first PCs has the letters of the first PCs")
    func oldLetters() async throws {
        try await withScratch { scratch in
            try await python(
                """
                import sys, zipfile
                z = zipfile.ZipFile(sys.argv[1], "w")
                i = zipfile.ZipInfo("b?r")
                z.writestr(i, "x")
                z.close()
                d = open(sys.argv[1], "rb").read().replace(b"b?r", b"b\\x84r")
                open(sys.argv[1], "wb").write(d)
                """, scratch + "/a.zip")
            _ = try await Archive.unpack(scratch + "/a.zip", into: scratch + "/out")
            #expect(try paths(in: scratch + "/out") == ["bär"])
        }
    }

    @Test("is unpacked into a new folder only")
    func freshFolder() async throws {
        try await withScratch { scratch in
            try await python(Self.members + Self.zip, scratch + "/archive")
            try makeFolder(scratch + "/out")
            try put("mine", to: scratch + "/out/a.txt")
            await #expect(throws: FileFault.self) {
                try await Archive.unpack(scratch + "/archive", into: scratch + "/out")
            }
            #expect(try bytes(of: scratch + "/out/a.txt") == Array("mine".utf8))
        }
    }

    @Test("is left when the task is cancelled, and nothing stays")
    func cancellation() async throws {
        try await withScratch { scratch in
            try await python(Self.members + Self.zip, scratch + "/archive")
            let task = Task {
                try await Archive.unpack(scratch + "/archive", into: scratch + "/out") { _ in
                    withUnsafeCurrentTask { $0?.cancel() }
                }
            }
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            #expect(!exists(scratch + "/out"))
        }
    }

    @Test("as large as the limits is taken, one byte more is not")
    func limits() async throws {
        try await withScratch { scratch in
            try await python(Self.members + Self.zip, scratch + "/archive")
            func unpack(_ change: (inout ArchiveLimits) -> Void) async throws {
                var limits = ArchiveLimits()
                limits.bytesMax = 300_005
                limits.fileBytesMax = 300_000
                limits.entriesMax = 7
                change(&limits)
                _ = try await Archive.unpack(scratch + "/archive", into: scratch + "/out", limits: limits)
                try Tree.remove(scratch + "/out")
            }
            try await unpack { _ in }
            await #expect(throws: ArchiveError.tooLarge(bytesMax: 300_004)) {
                try await unpack { $0.bytesMax -= 1 }
            }
            await #expect(throws: ArchiveError.fileTooLarge("Мир/мод.txt", bytesMax: 299_999)) {
                try await unpack { $0.fileBytesMax -= 1 }
            }
            await #expect(throws: ArchiveError.tooManyEntries(entriesMax: 6)) {
                try await unpack { $0.entriesMax -= 1 }
            }
            #expect(!exists(scratch + "/out"))
        }
    }
}
