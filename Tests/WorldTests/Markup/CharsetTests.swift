import Testing
import World

@Suite("A page's letters")
struct CharsetTests {
    private static let privet: [UInt8] = [0xcf, 0xf0, 0xe8, 0xe2, 0xe5, 0xf2]
    private static let nihon: [UInt8] = [0x93, 0xfa, 0x96, 0x7b]

    private func text(_ bytes: [UInt8], head: String = "", charset: String? = nil) throws -> String? {
        try Document(
            html: Array("<html>\(head)<p>".utf8) + bytes + Array("</p></html>".utf8), charset: charset
        )
        .text("//p")
    }

    @Test(
        "are those that the header names",
        arguments: ["windows-1251", "CP1251", " Windows-1251; x", "\"windows-1251\""])
    func header(charset: String) throws {
        #expect(try text(Self.privet, charset: charset) == "Привет")
    }

    @Test("are those that the page names")
    func meta() throws {
        #expect(try text(Self.privet, head: "<meta charset=windows-1251>") == "Привет")
        #expect(try text(Self.nihon, head: "<META CHARSET = 'Shift_JIS'>") == "日本")
        let old = "<meta http-equiv=\"Content-Type\" content=\"text/html; charset=Shift_JIS\">"
        #expect(try text(Self.nihon, head: old) == "日本")
    }

    @Test("are the header's rather than the page's, and the mark's rather than the header's")
    func order() throws {
        #expect(try text(Self.privet, head: "<meta charset=utf-8>", charset: "windows-1251") == "Привет")
        let marked = [0xef, 0xbb, 0xbf] + Array("<p>é</p>".utf8)
        #expect(try Document(html: marked, charset: "windows-1251").text("//p") == "é")
        let wide: [UInt8] = [0xfe, 0xff] + "<p>Ж</p>".utf16.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xff)] }
        #expect(try Document(html: wide).text("//p") == "Ж")
    }

    @Test("are UTF-8 when nobody says and they fit, else Western")
    func silence() throws {
        #expect(try text(Array("Жé".utf8)) == "Жé")
        #expect(try text([0xe9, 0x80]) == "é€")
        #expect(try text(Array("Ж".utf8), charset: "x-klingon") == "Ж")
    }

    @Test("that do not fit are replaced, and the page goes on")
    func misfits() throws {
        #expect(try text([0x61, 0xff, 0x62], charset: "utf-8") == "a\u{fffd}b")
        #expect(try text([0x61, 0xff, 0xff, 0x62], charset: "euc-jp")?.hasSuffix("b") == true)
        // The second half of the last character is missing.
        let cut = Array("<p>".utf8) + Self.nihon.dropLast()
        #expect(try Document(html: cut, charset: "shift_jis").text("//p") == "日\u{fffd}")
    }
}
