/// An archive of somebody who means ill, in the place of a mod's one file.
enum SandboxTrick: String, CaseIterable {
    case dotdot, absolute, link, device, collision, encrypted, bomb, crowd, cut, pretended

    /// Its word among the troubles of the host of files.
    var trouble: String { "archive-" + rawValue }

    /// The one that these troubles ask for.
    init?(_ troubles: Set<String>) {
        guard let it = Self.allCases.first(where: { troubles.contains($0.trouble) }) else { return nil }
        self = it
    }

    var bytes: [UInt8] {
        let honest = SandboxArchive.Member("readme.txt", Array("Nothing to see here.".utf8))
        func member(_ name: String) -> SandboxArchive.Member { SandboxArchive.Member(name, honest.bytes) }
        switch self {
        case .dotdot:
            // From a slot's inside to the folder that all slots are in, and on.
            let outside = (1...8).map { member(String(repeating: "../", count: $0) + "escaped") }
            return SandboxArchive.zip([honest] + outside)
        case .absolute: return SandboxArchive.tar([honest, member("/tmp/motorpool-sandbox-escaped")])
        case .link:
            let link = SandboxArchive.Member("out", .link, target: "../../../../../..")
            return SandboxArchive.tar([honest, link, member("out/escaped")])
        case .device: return SandboxArchive.tar([honest, SandboxArchive.Member("null", .device)])
        case .collision: return SandboxArchive.zip([honest, member("Readme.TXT")])
        case .encrypted: return SandboxArchive.zip([honest], isEncrypted: true)
        case .bomb: return Self.bombBytes
        case .crowd: return Self.crowdBytes
        case .cut:
            let whole = SandboxArchive.zip([SandboxArchive.Member("sand.bin", Self.noise(200_000))])
            return Array(whole.prefix(100_000))
        case .pretended: return Array("PK\u{3}\u{4}".utf8) + Self.noise(50_000)
        }
    }

    /// A tar by bzip2 with one file of 8 GB, all zeros: a header, and two hundred times forty mebibytes.
    private static let bombBytes: [UInt8] = {
        let header = hex(
            """
            425a683131415926535909aead5b000025db80cc8040016580008072219e100800200054500034034f502535321341a0
            01bd490cb9c674acde8d205d59f24c4218bc8b21f4745c884dddc6cf3c3e8d0f17c5dc914e1424026bab56c0
            """)
        let zeros = hex(
            """
            425a683931415926535957c6d77f0141414080c00000010008200030cc0529a6409026c502409e2ee48a70a120af8daefe
            """)
        return header + Array(repeatElement(zeros, count: 200).joined())
    }()

    /// One member more than an archive may have.
    private static let crowdBytes = SandboxArchive.zip(
        (0...100_000).map { SandboxArchive.Member(String($0)) })

    private static func hex(_ text: String) -> [UInt8] {
        let digits = text.compactMap(\.hexDigitValue)
        return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }

    private static func noise(_ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 167 &+ ($0 >> 7)) }
    }
}
