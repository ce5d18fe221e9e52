/// A made-up Workshop item: what Steam would say of it, and what is in it.
package struct SandboxMod: Sendable {
    package struct File: Sendable {
        /// Relative, with `/`.
        package let path: String
        package let bytes: Int
    }

    /// How an author makes one file of many.
    package enum Packing: Sendable { case zip, tarGzip }

    package let id: Int64
    package let app: Int64
    package let title: String
    package let description: String
    package let tags: [String]
    package let files: [File]
    package var dependencies: [Int64] = []
    package var screenshots = 0
    /// Unix seconds.
    package var created: Int64 = 1_700_000_000
    /// Unix seconds.
    package var updated: Int64 = 1_710_000_000
    /// Of the old kind: the name of its one file, which has an address of its own.
    package var directName: String?
    /// What its author did to its files; nil: nothing.
    package var packing: Packing?

    /// As Steam announces it: of all its files, or of the one at its address.
    package var size: Int64 { packed.map { Int64($0.count) } ?? contentBytes }

    /// Of all its files.
    package var contentBytes: Int64 { files.reduce(0) { $0 + Int64($1.bytes) } }

    /// What its author made of its files; nil when he left them as they are.
    package var packed: [UInt8]? {
        guard let packing else { return nil }
        let members = files.indices.map { SandboxArchive.Member(files[$0].path, content($0)) }
        switch packing {
        case .zip: return SandboxArchive.zip(members)
        case .tarGzip: return SandboxArchive.gzip(SandboxArchive.tar(members))
        }
    }

    /// What lies at its address: of a mod of the old kind, its one file.
    func direct(_ troubles: Set<String>) -> [UInt8] {
        SandboxTrick(troubles)?.bytes ?? packed ?? content(0)
    }

    /// What is in its file number `index`: the same in every process, and neither all alike nor all noise.
    package func content(_ index: Int) -> [UInt8] {
        var seed =
            UInt64(bitPattern: id) &* 0x9e37_79b9_7f4a_7c15 &+ UInt64(index) &+ UInt64(bitPattern: updated)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(files[index].bytes + 8)
        while bytes.count < files[index].bytes {
            // SplitMix64.
            seed &+= 0x9e37_79b9_7f4a_7c15
            var word = (seed ^ (seed >> 30)) &* 0xbf58_476d_1ce4_e5b9
            word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
            word ^= word >> 31
            withUnsafeBytes(of: word) { bytes += $0.map { $0 % 61 + 32 } }
        }
        return Array(bytes.prefix(files[index].bytes))
    }
}

/// A made-up game.
package struct SandboxGame: Sendable {
    package let id: Int64
    package let name: String
    package let genres: [(id: Int64, name: String)]
    package let about: String
}
