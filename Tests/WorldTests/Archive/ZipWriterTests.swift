import FoundationEssentials
import Glibc
import Testing
import World

@Suite("A ZIP of ours")
struct ZipWriterTests {
    private func makeTree(_ path: String) throws {
        try makeFolder(path + "/Мод/empty")
        try makeFolder(path + "/b")
        try put("first", to: path + "/b/z.txt")
        try put("", to: path + "/b/nothing")
        try put("Привет", to: path + "/Мод/имя.txt")
        try put((0..<500_000).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 7) }, to: path + "/a.bin")
    }

    private static let look = """
        import sys, zipfile
        z = zipfile.ZipFile(sys.argv[1])
        assert z.testzip() is None
        for i in z.infolist():
            bit = bool(i.flag_bits & 0x800)
            print(i.filename, i.compress_type, i.file_size, '%o' % (i.external_attr >> 16), i.date_time, bit, sep='|')
        """

    @Test("is good to Python: bzip2, sorted, dated, plain modes, UTF-8, folders stored")
    func members() async throws {
        try await withScratch { scratch in
            try makeTree(scratch + "/tree")
            chmod(scratch + "/tree/a.bin", 0o600)
            let written = try await ZipWriter.pack(scratch + "/tree", into: scratch + "/part")
            #expect(written.files == 4)
            #expect(written.folders == 3)
            #expect(written.bytes == 500_017)
            #expect(written.zipBytes == Int64(try bytes(of: scratch + "/part").count))
            let date = "(1980, 1, 1, 0, 0, 0)"
            #expect(
                try await python(Self.look, scratch + "/part").split(separator: "\n").map(String.init) == [
                    "a.bin|12|500000|100644|\(date)|False",
                    "b/|0|0|40755|\(date)|False",
                    "b/nothing|12|0|100644|\(date)|False",
                    "b/z.txt|12|5|100644|\(date)|False",
                    "Мод/|0|0|40755|\(date)|True",
                    "Мод/empty/|0|0|40755|\(date)|True",
                    "Мод/имя.txt|12|12|100644|\(date)|True",
                ])
            #expect(
                try await ZipCheck.verify(scratch + "/part")
                    == Archive.Contents(files: 4, folders: 3, bytes: 500_017))
        }
    }

    @Test("has the same bytes for the same files, whenever and in whatever order they were made")
    func sameBytes() async throws {
        try await withScratch { scratch in
            try makeTree(scratch + "/one")
            try makeFolder(scratch + "/two")
            for path in try paths(in: scratch + "/one").reversed() where !path.hasSuffix("/") {
                let target = scratch + "/two/" + path
                try makeFolder(
                    target.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(
                        separator: "/"))
                try put(try bytes(of: scratch + "/one/" + path), to: target)
                var times = [timeval(tv_sec: 1_000_000, tv_usec: 0), timeval(tv_sec: 1_000_000, tv_usec: 0)]
                utimes(target, &times)
            }
            try makeFolder(scratch + "/two/Мод/empty")
            _ = try await ZipWriter.pack(scratch + "/one", into: scratch + "/1.zip")
            _ = try await ZipWriter.pack(scratch + "/two", into: scratch + "/2.zip")
            #expect(try bytes(of: scratch + "/1.zip") == bytes(of: scratch + "/2.zip"))
        }
    }

    @Test("comes out as it went in", arguments: [ZipWriter.Method.bzip2, .deflated, .stored])
    func roundTrip(method: ZipWriter.Method) async throws {
        try await withScratch { scratch in
            try makeTree(scratch + "/tree")
            _ = try await ZipWriter.pack(scratch + "/tree", into: scratch + "/part", method: method)
            _ = try await Archive.unpack(scratch + "/part", into: scratch + "/out")
            #expect(try paths(in: scratch + "/out") == paths(in: scratch + "/tree"))
            for path in try paths(in: scratch + "/tree") where !path.hasSuffix("/") {
                #expect(try bytes(of: scratch + "/out/" + path) == bytes(of: scratch + "/tree/" + path))
            }
        }
    }

    @Test("tells how far it is")
    func progress() async throws {
        try await withScratch { scratch in
            try makeFolder(scratch + "/tree")
            for name in ["a", "b"] {
                try put([UInt8](repeating: 7, count: 3 << 20), to: scratch + "/tree/" + name)
            }
            let told = Told<Int64>()
            _ = try await ZipWriter.pack(scratch + "/tree", into: scratch + "/part") { done, total in
                #expect(total == 6 << 20)
                told.add(done)
            }
            #expect(told.all == told.all.sorted())
            #expect(told.all.count >= 5)
            #expect(told.all.last == 6 << 20)
        }
    }

    @Test("holds more members than the old form could count")
    func manyMembers() async throws {
        // A disk takes minutes to make so many files.
        try await withScratch(in: "/dev/shm") { scratch in
            try await python(
                """
                import sys, os
                for d in range(66):
                    os.makedirs('%s/%02d' % (sys.argv[1], d))
                    for i in range(1000): open('%s/%02d/%d' % (sys.argv[1], d, i), 'w').write('x')
                """, scratch + "/tree")
            let written = try await ZipWriter.pack(
                scratch + "/tree", into: scratch + "/part", method: .stored)
            #expect(written.files == 66_000)
            #expect(try await ZipCheck.verify(scratch + "/part").files == 66_000)
            let count = try await python(
                "import sys, zipfile\nprint(len(zipfile.ZipFile(sys.argv[1]).namelist()))", scratch + "/part")
            #expect(count == "66066\n")
        }
    }

    @Test("holds neither links nor pipes, and no part is left", arguments: ["link", "folder link", "pipe"])
    func notPlain(kind: String) async throws {
        try await withScratch { scratch in
            try makeTree(scratch + "/tree")
            switch kind {
            case "link": symlink("/etc/passwd", scratch + "/tree/b/odd")
            case "folder link": symlink("..", scratch + "/tree/b/odd")
            default: mkfifo(scratch + "/tree/b/odd", 0o600)
            }
            await #expect(throws: ArchiveError.notPlain("b/odd")) {
                try await ZipWriter.pack(scratch + "/tree", into: scratch + "/part")
            }
            #expect(try paths(in: scratch).filter { !$0.hasPrefix("tree/") } == [])
        }
    }

    @Test("holds no device", .enabled(if: geteuid() == 0, "only root makes devices"))
    func device() async throws {
        try await withScratch { scratch in
            try makeTree(scratch + "/tree")
            try #require(mknod(scratch + "/tree/odd", S_IFCHR | 0o600, 1 << 8 | 3) == 0)
            await #expect(throws: ArchiveError.notPlain("odd")) {
                try await ZipWriter.pack(scratch + "/tree", into: scratch + "/part")
            }
        }
    }

    @Test("is not made of names without letters, of nothing, or of what is no folder")
    func refused() async throws {
        try await withScratch { scratch in
            try makeFolder(scratch + "/none/d")
            await #expect(throws: ArchiveError.empty) {
                try await ZipWriter.pack(scratch + "/none", into: scratch + "/part")
            }
            try await python("import sys, os\nopen(sys.argv[1].encode() + b'/none/\\xff', 'w')", scratch)
            await #expect(throws: ArchiveError.badName("\u{fffd}")) {
                try await ZipWriter.pack(scratch + "/none", into: scratch + "/part")
            }
            await #expect(throws: FileFault.self) {
                try await ZipWriter.pack(scratch + "/absent", into: scratch + "/part")
            }
            try makeTree(scratch + "/tree")
            await #expect(throws: FileFault.self) {
                try await ZipWriter.pack(scratch + "/tree", into: scratch + "/absent/part")
            }
            symlink("tree", scratch + "/link")
            await #expect(throws: FileFault.self) {
                try await ZipWriter.pack(scratch + "/link", into: scratch + "/part")
            }
            #expect(!exists(scratch + "/part"))
        }
    }

    @Test("is left when the task is cancelled, and no part stays")
    func cancellation() async throws {
        try await withScratch { scratch in
            try makeFolder(scratch + "/tree")
            try await python(
                "import sys\nopen(sys.argv[1] + '/big', 'wb').truncate(1 << 30)", scratch + "/tree")
            let begun = Told<Bool>()
            let task = Task {
                try await ZipWriter.pack(scratch + "/tree", into: scratch + "/part") { _, _ in begun.add(true)
                }
            }
            while begun.all.isEmpty { try await Task.sleep(for: .milliseconds(1)) }
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            #expect(try paths(in: scratch) == ["tree/", "tree/big"])
        }
    }

    @Test("is not made of a file that changes meanwhile")
    func changing() async throws {
        try await withScratch { scratch in
            try makeFolder(scratch + "/tree")
            try put([UInt8](repeating: 7, count: 4 << 20), to: scratch + "/tree/a")
            try put("x", to: scratch + "/tree/b")
            await #expect(throws: ArchiveError.changed("b")) {
                try await ZipWriter.pack(scratch + "/tree", into: scratch + "/part") { _, _ in
                    truncate(scratch + "/tree/b", 100)
                }
            }
        }
    }

    @Test("that has a wrong byte anywhere in a member is found out")
    func wrongByte() async throws {
        try await withScratch { scratch in
            try makeTree(scratch + "/tree")
            _ = try await ZipWriter.pack(scratch + "/tree", into: scratch + "/part")
            var wrong = try bytes(of: scratch + "/part")
            wrong[2000] ^= 1
            try put(wrong, to: scratch + "/wrong")
            let cut = Array(try bytes(of: scratch + "/part").dropLast(100))
            try put(cut, to: scratch + "/cut")
            try put([], to: scratch + "/nothing")
            for name in ["wrong", "cut", "nothing"] {
                await #expect(throws: ArchiveError.self) { try await ZipCheck.verify(scratch + "/" + name) }
            }
            await #expect(throws: FileFault.self) { try await ZipCheck.verify(scratch + "/absent") }
        }
    }

    @Test("takes its place in one step, and what stood there is gone")
    func publish() async throws {
        try await withScratch { scratch in
            try makeTree(scratch + "/tree")
            try put("old", to: scratch + "/mod.zip")
            _ = try await ZipWriter.pack(scratch + "/tree", into: scratch + "/mod.zip.part")
            try Part.publish(scratch + "/mod.zip.part", as: scratch + "/mod.zip")
            #expect(try await ZipCheck.verify(scratch + "/mod.zip").files == 4)
            #expect(!exists(scratch + "/mod.zip.part"))
            #expect(throws: FileFault.self) {
                try Part.publish(scratch + "/mod.zip.part", as: scratch + "/mod.zip")
            }
            #expect(exists(scratch + "/mod.zip"))
        }
    }
}
