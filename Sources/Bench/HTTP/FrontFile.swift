internal import Crypto
internal import Glibc
internal import Platform
package import Postgres

/// Where a front finds mods: how a file comes to be one of them.
package protocol ModShelf: Sendable {
    /// Makes a file of so many bytes and this digest the copy of a mod, in a migrated database.
    ///
    /// - Parameter folder: the front's folder of mods (MOTORPOOL_WORKSHOP); made when it is missing.
    /// - Returns: where the file has to lie, and the path under which the front sends it.
    func place(bytes: Int, sha256: [UInt8], in folder: String, of database: ConnectionSettings) async throws
        -> (
            file: String, target: String
        )
}

/// A mod of a gigabyte, fetched whole, and then by a client whose connection breaks in the middle.
struct FrontFile: Sendable {
    let place: BenchPlace
    let shelf: any ModShelf
    var bytes = 1 << 30

    /// Of the whole file, before the connection of the second client breaks.
    private static let brokenAfter = 0.4

    func measure() async throws -> Sample {
        let large = try await LargeFile.make(place.folder + "/large", bytes: bytes)
        let mods = place.folder + "/mods"
        let (file, target) = try await shelf.place(
            bytes: bytes, sha256: large.sha256, in: mods, of: place.settings)
        guard rename(large.path, file) == 0 else { throw BenchError("placing \(file)") }
        let front = try await FrontChild.start(in: place, besides: ["MOTORPOOL_WORKSHOP": mods])
        let result: Result<Sample, any Error>
        do { result = .success(try await fetch(target, like: large, from: front)) } catch {
            result = .failure(error)
        }
        await front.end()
        FolderTree.remove(mods)
        return try result.get()
    }

    private func fetch(_ target: String, like large: LargeFile, from front: FrontChild) async throws -> Sample
    {
        let client = FileClient(port: front.port)
        let cpu = front.cpuSeconds
        let whole = try await blocking("file client") { try client.ask(front.question(target)) }
        let spent = front.cpuSeconds - cpu
        guard whole.head.status == 200, whole.bytes == large.bytes, let etag = whole.head.etag else {
            throw BenchError("\(whole.head.status) with \(whole.bytes) of \(large.bytes) bytes")
        }
        let resumed = try await blocking("file client") { try resume(client, front, target, etag) }
        guard resumed.sha256 == large.sha256 else {
            throw BenchError("the file that was resumed is not the one that was stored")
        }
        let gigabytes = Double(large.bytes) / 1e9
        return [
            .fileRate: gigabytes / whole.seconds, .fileCPU: spent / gigabytes,
            .resumedRate: gigabytes / resumed.seconds, .peakMegabytes: Meter.peakMegabytes(front.child.pid),
        ]
    }

    /// Fetches a part, breaks off, and asks for the rest under the condition that it is still the same file.
    private func resume(
        _ client: FileClient, _ front: FrontChild, _ target: String, _ etag: String
    ) throws -> (sha256: [UInt8], seconds: Double) {
        let digest = SHA256Stream()
        let first = try client.ask(
            front.question(target), bytesMax: Int(Double(bytes) * Self.brokenAfter), into: digest.add)
        let rest = try client.ask(
            front.question(target, saying: ["Range: bytes=\(first.bytes)-", "If-Range: \(etag)"]),
            into: digest.add)
        guard rest.head.status == 206, first.bytes + rest.bytes == bytes else {
            throw BenchError("\(rest.head.status) with \(rest.bytes) bytes after \(first.bytes)")
        }
        return (digest.finish(), first.seconds + rest.seconds)
    }
}
