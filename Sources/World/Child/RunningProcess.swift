import Glibc
internal import Platform

/// What `/proc` says of a process. Each answer may be out of date when it comes.
struct RunningProcess {
    let pid: Int32

    /// All that can be seen, ourselves included.
    static var all: [RunningProcess] {
        let names = (try? Folder("/proc").names()) ?? []
        return names.compactMap { Int32($0.text).map(RunningProcess.init) }
    }

    /// When it began, in ticks since the machine did; with the number it names one process. Nil when it has ended.
    var startTicks: Int64? {
        guard let text = read("stat", bytesMax: 1024).map({ String(decoding: $0, as: UTF8.self) }) else {
            return nil
        }
        // The name, in brackets, may hold anything.
        let fields = text[(text.lastIndex(of: ")") ?? text.startIndex)...].split(separator: " ")
        // A zombie has ended; only its parent has not looked.
        guard fields.count > 20, fields[1] != "Z", fields[1] != "X" else { return nil }
        return Int64(fields[20])
    }

    /// Which file it runs; nil when that is not ours to see.
    var program: FileIdentity? {
        var status = stat()
        return stat("/proc/\(pid)/exe", &status) == 0 ? FileIdentity(status) : nil
    }

    /// Whether it was started with this word in its environment.
    func carries(_ mark: ChildMark) -> Bool {
        guard let bytes = read("environ", bytesMax: 1 << 20) else { return false }
        return bytes.split(separator: 0).contains { $0.elementsEqual(mark.bytes) }
    }

    /// Who took the `flock` that one of its descriptors of this file holds: nil when none holds one, 0 when he is gone.
    func locker(of lock: FileIdentity) -> Int32? {
        guard let folder = try? Folder("/proc/\(pid)/fd"), let names = try? folder.names() else { return nil }
        for name in names {
            var status = stat()
            guard fstatat(folder.descriptor, name.bytes, &status, 0) == 0, FileIdentity(status) == lock,
                let text = read("fdinfo/\(name.text)", bytesMax: 4096)
            else { continue }
            // "lock:	1: FLOCK  ADVISORY  WRITE 1234 fe:00:77 0 EOF"
            for line in String(decoding: text, as: UTF8.self).split(separator: "\n")
            where line.hasPrefix("lock:") {
                let words = line.split { $0 == " " || $0 == "\t" }
                guard let write = words.firstIndex(of: "WRITE"), write + 1 < words.count else { continue }
                return Int32(words[write + 1])
            }
        }
        return nil
    }

    /// Kills it, if it still is what `condition` says once it cannot be mistaken any more.
    func kill(if condition: () -> Bool) {
        // A handle holds on to this process even when the number is another's by now.
        guard let handle = ProcessHandle(pid), condition() else { return }
        handle.kill()
    }

    private func read(_ name: String, bytesMax: Int) -> [UInt8]? {
        let file = open("/proc/\(pid)/\(name)", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 16_384)
        while bytes.count < bytesMax {
            let count = Glibc.read(file, &piece, piece.count)
            guard count > 0 else { break }
            bytes += piece[..<count]
        }
        return bytes.isEmpty ? nil : bytes
    }
}

/// Which file it is, by whatever name.
struct FileIdentity: Sendable, Equatable {
    private let device: UInt64
    private let inode: UInt64

    init(_ status: stat) {
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
    }
}
