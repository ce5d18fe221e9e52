/// The way to a member below the folder that it is unpacked into.
struct EntryPath: Equatable {
    /// Never empty, and none of them empty, `.`, `..` or with a slash.
    let components: [String]

    var text: String { components.joined(separator: "/") }

    /// - Parameter bytes: The name as it stands in the archive: UTF-8, or else the letters of the first PCs, as the ZIP
    ///   format has it (APPNOTE, appendix D).
    /// - Throws: `ArchiveError.badName`.
    init(_ bytes: [UInt8], limits: ArchiveLimits) throws {
        let text = String(validating: bytes, as: UTF8.self) ?? Self.fromCodePage437(bytes)
        let components = text.split(separator: "/").filter { $0 != "." }.map(String.init)
        let isInside = !text.hasPrefix("/") && !components.isEmpty && !components.contains("..")
        guard isInside, components.count <= limits.depthMax, text.utf8.count <= limits.pathBytesMax,
            components.allSatisfy({ $0.utf8.count <= 255 }), !Self.isConfusing(text)
        else { throw ArchiveError.badName(text) }
        self.components = components
    }

    /// The same for all names that some file system takes for one: capitals, composed letters, and the dots and blanks
    /// at the end that Windows drops.
    static func folded(_ component: String) -> String {
        let lower = component.lowercased()
        let end = lower.lastIndex { $0 != "." && $0 != " " }
        return end.map { String(lower[...$0]) } ?? lower
    }

    /// Control characters, a backslash that leads on elsewhere, and a drive's letter.
    private static func isConfusing(_ text: String) -> Bool {
        let scalars = text.unicodeScalars
        if scalars.contains(where: { $0.value < 0x20 || $0.value == 0x7f || $0 == "\\" }) { return true }
        return scalars.dropFirst().first == ":"
    }

    private static func fromCodePage437(_ bytes: [UInt8]) -> String {
        String(bytes.map { $0 < 0x80 ? Character(Unicode.Scalar($0)) : upperHalf[Int($0) - 0x80] })
    }

    private static let upperHalf = Array(
        "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}"
    )
}
