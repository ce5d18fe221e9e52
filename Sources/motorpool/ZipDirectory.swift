/// The list of members that stands at the end of a ZIP. Source: APPNOTE.TXT of PKWARE, 4.3.12.
enum ZipDirectory {
    struct Member: Sendable {
        let name: String
        /// Unpacked.
        let bytes: Int
        /// 0 stored, 12 bzip2.
        let method: Int
    }

    /// Of a small ZIP of our own; nothing is checked but its bounds.
    static func members(of zip: [UInt8]) -> [Member] {
        var members: [Member] = []
        var place = 0
        while let found = zip[place...].firstRange(of: [0x50, 0x4b, 0x01, 0x02])?.lowerBound,
            found + 46 <= zip.count
        {
            func number(_ offset: Int, _ count: Int) -> Int {
                (0..<count).reduce(0) { $0 | Int(zip[found + offset + $1]) << (8 * $1) }
            }
            let end = found + 46 + number(28, 2)
            guard end <= zip.count else { break }
            members.append(
                Member(
                    name: String(decoding: zip[(found + 46)..<end], as: UTF8.self), bytes: number(24, 4),
                    method: number(10, 2)))
            place = end
        }
        return members
    }
}
