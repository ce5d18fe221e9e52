import Testing
import World

@Suite("A hostile page")
struct HostilePageTests {
    @Test(
        "nested a million deep is refused",
        arguments: ["<div>", "<b>", "<table>", "<li><ul>", "<i a=b>", "<x:y>"])
    func nested(tag: String) async throws {
        let page = Array(String(repeating: tag, count: min(1_000_000, (8 << 20) / tag.utf8.count)).utf8)
        await #expect(throws: MarkupError.tooDeep(depthMax: 200)) { try await Markup.readHTML(page) { _ in } }
    }

    @Test("disturbs nobody while it is refused")
    func undisturbed() async throws {
        let hostile = Array(String(repeating: "<div>", count: 1_000_000).utf8)
        let honest = Array("<p>here</p>".utf8)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<6 {
                group.addTask {
                    await #expect(throws: MarkupError.self) { try await Markup.readHTML(hostile) { _ in } }
                }
                group.addTask {
                    let text = try await Markup.readHTML(honest) { try $0.text("//p") }
                    #expect(text == "here")
                }
            }
            try await group.waitForAll()
        }
    }

    @Test("just as deep as is followed is read")
    func deepest() throws {
        let open = String(repeating: "<div>", count: 190)
        #expect(try Document(html: Array((open + "here").utf8)).text("//div[last()]") != nil)
    }

    @Test("larger than is taken is refused before it is looked at")
    func large() {
        let page = [UInt8](repeating: UInt8(ascii: "<"), count: (8 << 20) + 1)
        #expect(throws: MarkupError.tooLarge(bytesMax: 8 << 20)) { _ = try Document(html: page) }
    }

    @Test(
        "of more nodes than are kept is refused",
        arguments: ["<br>", "<p>a", "<!---->", "<a b=c d=e>x</a>", "&amp;<i>"])
    func nodes(piece: String) {
        var limits = MarkupLimits()
        limits.nodesMax = 10_000
        let page = "<body>" + String(repeating: piece + "</i>", count: 20_000)
        #expect(throws: MarkupError.tooManyNodes(nodesMax: 10_000)) {
            _ = try Document(html: Array(page.utf8), limits: limits)
        }
    }

    @Test("of one tag with a hundred thousand attributes is refused, wherever the tag is hidden")
    func attributes() {
        let many = (0..<100_000).map { "a\($0)" }.joined(separator: " ")
        let valued = (0..<100_000).map { "a\($0)='>'" }.joined()
        let glued = String(repeating: "x", count: 4_000_000)
        for page in [
            "<div \(many)>", "<div \(valued)>", "<a \(glued)>", "<!-- <script> --><div \(many)>",
            "<!-- <a b=\"--><div \(many)>\">", "<script/><div \(many)>", "<a =\" \(many)\">",
            "<a \"\(many)\">",
            "<!-- --!><div \(many)> -->", "<div/ / / \(many)",
        ] {
            #expect(throws: MarkupError.tooTangled, "\(page.prefix(40))") {
                _ = try Document(html: Array(page.utf8))
            }
        }
    }

    @Test("of tags that never end is refused with bounded work")
    func tangled() {
        let page = String(repeating: "<a b=\"", count: 1_000_000)
        #expect(throws: MarkupError.tooTangled) { _ = try Document(html: Array(page.utf8)) }
    }

    @Test("that takes more than its time is refused")
    func slow() {
        var limits = MarkupLimits()
        limits.parseTimeMax = .zero
        let page = String(repeating: "<p>a", count: 1000)
        #expect(throws: MarkupError.tooSlow) { _ = try Document(html: Array(page.utf8), limits: limits) }
    }

    @Test("about which a question takes too much work is given up")
    func steps() throws {
        var limits = MarkupLimits()
        limits.stepsMax = 10_000
        let page = String(repeating: "<p>a", count: 5000)
        let document = try Document(html: Array(page.utf8), limits: limits)
        #expect(throws: MarkupError.tooSlow) { _ = try document.nodes("//p[count(//p) > 1]") }
    }

    @Test(
        "of any odd shape is read or refused, and nothing else",
        arguments: [
            "<", "</", "<!", "<!-", "<!--", "<!-->", "<a", "<a b", "<a b=", "<a b=\"", "<a/", "&", "&#",
            "&#x", "&#xffffffff;",
            "<script", "<script>", "<script></", "<style>&", "<textarea><", "<?", "<?php", "<![CDATA[",
            "<p/><p//>",
            "<a \u{0}>", "<\u{0}>", "<!DOCTYPE", "<!DOCTYPE html [", "<base href=//x>", "<form><form>",
            "<html><html a=b><body><body c=d>",
        ])
    func odd(piece: String) {
        for count in [1, 2, 1000] {
            for bytes in [Array(String(repeating: piece, count: count).utf8), Array(("<p>" + piece).utf8)] {
                do { _ = try Document(html: bytes).texts("//*") } catch {
                    #expect(error is MarkupError)
                }
            }
        }
    }

    @Test("of random bytes is read or refused, and nothing else")
    func random() {
        var dice = SystemRandomNumberGenerator()
        let words = [
            "<", ">", "</", "/>", "=", "\"", "'", "<!--", "-->", "<script>", "</script>", "&", "&#", ";", "a",
            " ", "\u{0}", "div", "p",
        ]
        .map { Array($0.utf8) }
        for _ in 0..<3000 {
            var page = Array("<p>".utf8)
            for _ in 0..<Int.random(in: 1...60, using: &dice) {
                page +=
                    Bool.random(using: &dice)
                    ? words.randomElement(using: &dice)! : [UInt8.random(in: 0...255, using: &dice)]
            }
            let charset = ["utf-8", "shift_jis", "utf-16", "gb18030", nil].randomElement(using: &dice)!
            do { _ = try Document(html: page, charset: charset).texts("//@* | //text()") } catch {
                #expect(error is MarkupError, "\(page)")
            }
        }
    }
}
