import Testing
import World

@Suite("A page")
struct DocumentTests {
    private let page = Array(
        """
        <!DOCTYPE html><html><head><title> One\n\t two </title></head>
        <body class="wide dark"><div id="a" class="card big" data-n='1 & 2'>first<!-- no --></div>
        <ul><li>x<li>y&nbsp; z</ul><script>if (a<b && c>d) { "<div class='card'>" }</script>
        <div class="cardboard">other</div><p title=plain>Tom &amp; Jerry &lt;3 &eacute; &#x416;</p></body></html>
        """.utf8)

    @Test("is asked by XPath for nodes, texts and attributes")
    func questions() throws {
        let document = try Document(html: page)
        #expect(document.root.name == "html")
        #expect(try document.text("//title") == "One two")
        #expect(try document.texts("//li") == ["x", "y z"])
        #expect(try document.first("//div")?["data-n"] == "1 & 2")
        #expect(try document.first("//p/@title")?.text == "plain")
        #expect(try document.text("//p") == "Tom & Jerry <3 é Ж")
        #expect(try document.text("//table") == nil)
        #expect(try document.first("//ul")?.texts("./li") == ["x", "y z"])
        #expect(try document.first("//ul")?.first("ancestor::body")?.hasClass("dark") == true)
    }

    @Test("knows a class by its word, not by its letters")
    func classes() throws {
        let document = try Document(html: page)
        let cards = try document.nodes("//div[\(XPath.hasClass("card"))]")
        #expect(cards.map(\.text) == ["first"])
        #expect(cards.first?.hasClass("big") == true)
        #expect(cards.first?.hasClass("bi") == false)
        #expect(cards.first?.attributes.map(\.name) == ["id", "class", "data-n"])
    }

    @Test("is kept by its nodes")
    func lifetime() throws {
        func node() throws -> Node? { try Document(html: page).first("//div") }
        let kept = try #require(try node())
        #expect(kept.text == "first")
        #expect(try kept.first("following::p")?["title"] == "plain")
    }

    @Test(
        "without an element is none",
        arguments: ["", "   ", "{\"result\": 1}", "plain < text > here", "\u{0}\u{1}\u{2}"])
    func notMarkup(text: String) {
        #expect(throws: MarkupError.notMarkup) { _ = try Document(html: Array(text.utf8)) }
    }

    @Test(
        "that is broken gives what is legible",
        arguments: [
            "<div><b>right</div></b></i>", "<div>right", "<div>right</div",
            "<div a=\"1\" a=\"2\" b=''c>right</div>",
            "</p><div>right<div>", "<div><![CDATA[x]]>right</div>",
        ])
    func broken(html: String) throws {
        let text = try Document(html: Array(html.utf8)).text("//div")
        #expect(text?.contains("right") == true)
    }

    @Test("keeps what follows a NUL")
    func nul() throws {
        let document = try Document(html: Array("<p>a\u{0}b</p><p>c</p>".utf8))
        #expect(try document.texts("//p") == ["a\u{fffd}b", "c"])
    }

    @Test("is read off the pool of tasks, by many at once")
    func many() async throws {
        let page = page
        let texts = try await withThrowingTaskGroup(of: String?.self) { group in
            for _ in 0..<20 {
                group.addTask { try await Markup.readHTML(page) { try $0.text("//title") } }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(texts == Array(repeating: "One two", count: 20))
    }

    @Test("is not read for a task that was cancelled")
    func cancelled() async throws {
        let page = page
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await Markup.readHTML(page) { try $0.text("//title") }
        }
        await #expect(throws: CancellationError.self) { _ = try await task.value }
    }
}
