import Glibc
import Testing
import World

@Suite("A folder of strangers' files")
struct TreeTests {
    @Test("goes with all that is in it, and with nothing that it points at")
    func remove() async throws {
        try await withScratch { scratch in
            try makeFolder(scratch + "/outside")
            try put("mine", to: scratch + "/outside/file")
            try makeFolder(scratch + "/tree/a/b")
            symlink("../outside", scratch + "/tree/link")
            symlink("../../../outside/file", scratch + "/tree/a/b/link")
            link(scratch + "/outside/file", scratch + "/tree/hard")
            mkfifo(scratch + "/tree/a/pipe", 0o000)
            chmod(scratch + "/tree/a/b", 0o000)
            chmod(scratch + "/tree/a", 0o000)
            try Tree.remove(scratch + "/tree")
            #expect(try paths(in: scratch) == ["outside/", "outside/file"])
            try Tree.remove(scratch + "/tree")
            symlink("outside", scratch + "/top")
            try Tree.remove(scratch + "/top")
            #expect(try paths(in: scratch) == ["outside/", "outside/file"])
        }
    }

    @Test("goes however deep it is, and whatever its names are")
    func deep() async throws {
        try await withScratch { scratch in
            try await python(
                """
                import sys, os
                os.mkdir(sys.argv[1])
                os.chdir(sys.argv[1])
                for i in range(3000):
                    open(b'\\xff-%d' % i, 'w')
                    os.mkdir('.lifted-%d' % (i % 5))
                    os.chdir('.lifted-%d' % (i % 5))
                """, scratch + "/tree")
            try Tree.remove(scratch + "/tree")
            #expect(!exists(scratch + "/tree"))
        }
    }

    @Test("is weighed without following links")
    func diskBytes() async throws {
        try await withScratch { scratch in
            try makeFolder(scratch + "/tree/a")
            try put([UInt8](repeating: 1, count: 1_000_000), to: scratch + "/tree/a/big")
            try put([UInt8](repeating: 1, count: 1_000_000), to: scratch + "/other")
            symlink("../other", scratch + "/tree/link")
            symlink(".", scratch + "/tree/loop")
            let bytes = try #require(Tree.diskBytes(in: scratch + "/tree"))
            #expect((1_000_000..<1_500_000).contains(bytes))
            #expect(Tree.diskBytes(in: scratch + "/tree", entriesMax: 3) == nil)
            #expect(Tree.diskBytes(in: scratch + "/absent") == 0)
        }
    }

    @Test("needs room, which can be asked for")
    func room() async throws {
        try await withScratch { scratch in
            #expect(try Disk.freeBytes(at: scratch) > 0)
            try Disk.require(1, at: scratch)
            #expect(throws: FileFault.self) { try Disk.require(.max, at: scratch) }
            #expect(throws: FileFault.self) { try Disk.freeBytes(at: scratch + "/absent") }
        }
    }
}
