import Glibc

/// Unpacks archives of strangers.
package enum Archive {
    /// What is in an archive, its bytes unpacked.
    package struct Contents: Sendable, Equatable {
        package var files = 0
        package var folders = 0
        package var bytes: Int64 = 0

        package init(files: Int = 0, folders: Int = 0, bytes: Int64 = 0) {
            self.files = files
            self.folders = folders
            self.bytes = bytes
        }
    }

    /// Unpacks a ZIP or a tar into a new folder.
    ///
    /// Only files and folders come out, under names that stay inside and cannot be mistaken for each other; what comes
    /// out is counted as it comes, whatever the headers say. Files are written through open folders, never through a
    /// link. Times, owners and rights are not kept. Takes a few megabytes of memory and what the names of all members
    /// need, on a thread of its own; for the archives of strangers, in a process of its own (`motorpool unpack`).
    ///
    /// - Parameters:
    ///   - folder: Must not exist; its parent does. It is removed again when anything goes wrong.
    ///   - progress: Told on that thread how many bytes are out, now and then.
    /// - Throws: `ArchiveError`, `FileFault`, `CancellationError`.
    package static func unpack(
        _ path: String, into folder: String, limits: ArchiveLimits = ArchiveLimits(),
        progress: @escaping @Sendable (Int64) -> Void = { _ in }
    ) async throws -> Contents {
        try await stoppable("unpack") { stop in
            let file = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
            guard file >= 0 else { throw FileFault("opening \(path)") }
            defer { close(file) }
            guard mkdir(folder, 0o700) == 0 else { throw FileFault("making the folder \(folder)") }
            do {
                return try unpack(file, into: try Folder(folder), limits, stop, progress)
            } catch {
                try Tree.remove(folder)
                throw error
            }
        }
    }

    private static func unpack(
        _ file: Int32, into folder: Folder, _ limits: ArchiveLimits, _ stop: Stop,
        _ progress: @Sendable (Int64) -> Void
    ) throws -> Contents {
        var status = stat()
        guard fstat(file, &status) == 0, status.isFile else { throw ArchiveError.unreadable("it is no file") }
        let announced = ZipDirectory.count(file, bytes: Int64(status.st_size))
        guard announced ?? 0 <= limits.entriesMax else {
            throw ArchiveError.tooManyEntries(entriesMax: limits.entriesMax)
        }
        let reader = try ArchiveReader(file)
        var register = EntryRegister(limits: limits)
        var writer = TreeWriter(top: folder)
        var counter = OutputCounter(limits: limits, archiveBytes: Int64(status.st_size))
        var headers = 0
        while let entry = try reader.next() {
            try stop.check()
            headers += 1
            guard headers <= limits.entriesMax else {
                throw ArchiveError.tooManyEntries(entriesMax: limits.entriesMax)
            }
            try counter.check(reader.unpackedBytes)
            let name = try EntryPath(entry.name, limits: limits)
            guard entry.isFile || entry.isFolder else { throw ArchiveError.notPlain(name.text) }
            guard !entry.isEncrypted else { throw ArchiveError.encrypted(name.text) }
            if entry.isFolder {
                try register.addFolder(name)
                try writer.makeFolder(name)
            } else {
                try register.addFile(name)
                try copy(reader, to: try writer.makeFile(name), name.text, &counter, stop, progress)
            }
        }
        if reader.isZip, let announced, announced != headers {
            throw ArchiveError.unreadable("it announces \(announced) members and has \(headers)")
        }
        guard writer.contents.files > 0 else { throw ArchiveError.empty }
        var contents = writer.contents
        contents.bytes = counter.bytes
        return contents
    }

    private static func copy(
        _ reader: ArchiveReader, to file: Int32, _ name: String, _ counter: inout OutputCounter, _ stop: Stop,
        _ progress: @Sendable (Int64) -> Void
    ) throws {
        defer { close(file) }
        counter.beginFile()
        try withUnsafeTemporaryAllocation(byteCount: 262_144, alignment: 16) { buffer in
            while true {
                try stop.check()
                let count = try reader.read(into: buffer)
                guard count > 0 else { return }
                try counter.add(count, name)
                try counter.check(reader.unpackedBytes)
                try write(UnsafeRawBufferPointer(rebasing: buffer[..<count]), to: file, name)
                progress(counter.bytes)
            }
        }
    }

    private static func write(_ bytes: UnsafeRawBufferPointer, to file: Int32, _ name: String) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = Glibc.write(file, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw FileFault("writing \(name)") }
            rest = rest.dropFirst(count)
        }
    }
}
