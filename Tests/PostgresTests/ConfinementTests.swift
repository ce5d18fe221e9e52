import Glibc
import Platform
import TestSupport
import Testing

@Suite("A thread that gave up what it does not need")
struct ConfinementTests {
    /// What came of each deed: 0, or the number of the error.
    private struct Seen: Sendable {
        var outside: Int32 = -1
        var parent: Int32 = -1
        var rights: Int32 = -1
        var socket: Int32 = -1
        var inside: Int32 = -1
        var system: Int32 = -1
        var why = ""
    }

    @Test(
        "works in its folder, reads the system's, sees nothing else and reaches nobody",
        .enabled(if: Confinement.Kernel.shared.landlock > 0, "this kernel has no Landlock"))
    func confined() async throws {
        var template = Array("/tmp/motorpool-test-XXXXXX".utf8CString)
        let made = try #require(mkdtemp(&template))
        let folder = String(cString: made)
        defer { FolderTree.remove(folder) }
        for name in ["/in", "/out"] { mkdir(folder + name, 0o700) }
        close(open(folder + "/out/secret", O_CREAT | O_WRONLY, 0o600))
        // A thread of its own, which ends: there is no way back. It wakes nobody, because whoever makes another thread
        // hands its fetters on, and waking a task may need one.
        let told = Lock(Seen())
        let confined = BlockingThread.start("confined") {
            var seen = Seen()
            do { try Confinement.enter([folder + "/in"]) } catch { seen.why = "\(error)" }
            func code(_ result: Int32) -> Int32 {
                let number = result >= 0 ? 0 : errno
                if result > 2 { close(result) }
                return number
            }
            seen.outside = code(open(folder + "/out/secret", O_RDONLY))
            seen.parent = code(open("/proc/\(getppid())/environ", O_RDONLY))
            seen.rights = code(chmod(folder + "/out/secret", 0o777))
            seen.socket = code(socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0))
            seen.inside = code(open(folder + "/in/file", O_CREAT | O_RDWR, 0o600))
            seen.system = code(open("/proc/self/stat", O_RDONLY))
            told.withLock { $0 = seen }
        }
        await confined.joined()
        let seen = told.withLock { $0 }
        #expect(seen.why == "")
        #expect(seen.outside == EACCES && seen.rights == EPERM && seen.socket == EPERM)
        #expect(seen.parent == EACCES)
        #expect(seen.inside == 0 && seen.system == 0)
    }

    /// The kernels of Debian 11, 12 and 13 and what a container may leave of them, with how much is told as missing.
    static let kernels: [(landlock: Int, hasRooms: Bool, gaps: Int)] = [
        (0, false, 5), (0, true, 2), (2, false, 5), (2, true, 2), (4, true, 1), (6, false, 1), (6, true, 0),
        (7, true, 0),
    ]

    @Test("M8: what a kernel can't keep is told, the less the newer it is", arguments: kernels)
    func gaps(landlock: Int, hasRooms: Bool, gaps: Int) {
        let kernel = Confinement.Kernel(landlock: landlock, roomless: hasRooms ? nil : "not permitted")
        #expect(kernel.gaps(with: kernel.means).count == gaps)
        #expect(kernel.words.contains(landlock == 0 ? "no Landlock" : "ABI \(landlock)"))
        #expect(kernel.gaps(with: Confinement.Demand.none.means(of: kernel)).count == 5)
    }
}
