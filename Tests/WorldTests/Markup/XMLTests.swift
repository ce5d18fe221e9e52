import Testing
import World

@Suite("An XML document")
struct XMLTests {
    @Test("is asked as a page is")
    func questions() throws {
        let xml = "<?xml version=\"1.0\" encoding=\"windows-1251\"?><profile><name><![CDATA["
        let bytes = Array(xml.utf8) + [0xcf, 0xf0, 0xe8] + Array("]]></name><empty/>&amp;</profile>".utf8)
        let document = try Document(xml: bytes)
        #expect(try document.text("/profile/name") == "При")
        #expect(try document.nodes("/profile/*").map(\.name) == ["name", "empty"])
    }

    @Test(
        "that is not plain is refused",
        arguments: [
            "<a><b></a>", "<a>&nbsp;</a>", "<a b=1/>", "<a/><b/>", "<a",
            "<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>",
            "<!doctype a SYSTEM \"http://127.0.0.1/canary.dtd\"><a/>",
            "<!DOCTYPE a [<!ENTITY % p SYSTEM \"file:///etc/passwd\"> %p;]><a/>",
        ])
    func refused(xml: String) {
        #expect(throws: MarkupError.malformed) { _ = try Document(xml: Array(xml.utf8)) }
    }

    @Test("is refused with a document type in any letters")
    func hiddenType() {
        let type = "<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>"
        let wide: [UInt8] = [0xff, 0xfe] + type.utf16.flatMap { [UInt8($0 & 0xff), UInt8($0 >> 8)] }
        #expect(throws: MarkupError.malformed) { _ = try Document(xml: wide) }
    }

    @Test("that is nested a hundred thousand deep is refused")
    func deep() {
        let xml = String(repeating: "<a>", count: 100_000)
        #expect(throws: MarkupError.self) { _ = try Document(xml: Array(xml.utf8)) }
    }
}
