import Front
import Jobs
import Store
import Testing

@Suite("A title from outside")
struct DeskTitleTests {
    /// What has broken pages of others, and what could break ours.
    static let titles: [String] = [
        "<script>alert(1)</script>", "</title><script>alert(1)</script>", "\"><script>alert(1)</script>",
        "'><img src=x onerror=alert(1)>", "<img src=x onerror=alert(1)//", "<svg/onload=alert(1)>",
        "<svg><script>alert&#40;1&#41;</script>", "\" onmouseover=\"alert(1)", "' onmouseover='alert(1)",
        "\" autofocus onfocus=alert(1) x=\"", "javascript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "</td></tr></table><h1>x", "</pre><script>x</script>", "</textarea><script>alert(1)</script>",
        "</select><option>x", "</style><style>*{display:none}", "<style>@import'//evil'</style>", "<!--",
        "-->",
        "<![CDATA[<script>alert(1)</script>]]>", "]]>", "<?xml version=\"1.0\"?>",
        "<!DOCTYPE x [<!ENTITY a \"b\">]>",
        "&lt;script&gt;alert(1)&lt;/script&gt;", "&#60;script&#62;", "&colon;&Tab;&NewLine;", "&amp;amp;",
        "<iframe srcdoc='<script>alert(1)</script>'>", "<base href=//evil/>",
        "<meta http-equiv=refresh content=0;url=//evil>",
        "<link rel=stylesheet href=//evil>", "<form action=//evil><input name=proof>",
        "<button formaction=//evil>x",
        "<math><mtext></p><script>alert(1)</script>", "<details open ontoggle=alert(1)>",
        "<body onload=alert(1)>",
        "<a href=\"javascript:alert(1)\">x</a>", "<object data=//evil>", "<embed src=//evil>",
        "<video><source onerror=alert(1)>",
        "`onmouseover=alert(1)", "<x y=`z>", "\u{202E}evil\u{202C}", "\u{2066}x\u{2069}",
        "a\u{0}b\u{1}c\u{7f}d\u{85}e",
        "<\u{0}script>alert(1)</script>", "＜script＞alert(1)＜/script＞", "\u{FEFF}<script>",
        "%3Cscript%3Ealert(1)%3C/script%3E",
        "\\u003cscript\\u003e", "{{constructor.constructor('alert(1)')()}}", "${alert(1)}",
        "\r\nSet-Cookie: x=1\r\n\r\n<script>",
        "../../../admin/logout", "//evil.example/", "?flash=cancel.1", "job 1",
        String(repeating: "<b>", count: 100),
        "🏴‍☠️ العربية עברית 中文 \u{1F468}\u{200D}\u{1F469}",
        "jaVasCript:/*-/*`/*\\`/*'/*\"/**/(/* */oNcliCk=alert() )//</stYle/</titLe/</teXtarEa/</scRipt/--!>\\x3csVg/<sVg/oNloAd=alert()//>",
    ]

    static let paths =
        DeskHouse.pages + JobSearch.Place.allCases.map { "/admin/jobs?place=\($0.rawValue)" } + [
            "/admin/queues/default", "/admin/bulk?action=cancel&place=live",
            "/admin/bulk?action=retry&place=dead",
        ]

    /// The elements and attributes of every page, with `texts` wherever a text can come from outside.
    private func shapes(_ texts: [String]) async throws -> [String: Set<String>] {
        var shapes: [String: Set<String>] = [:]
        try await withDeskHouse([Definition(kind: "note"), Definition(kind: "rare")]) { house in
            var paths = Self.paths.map { (name: $0, path: $0) }
            for text in texts {
                let jobs = try await house.crowd(text)
                let encoded = PercentText.encoded(text)
                paths += jobs.map { ("job \($0.key.rawValue)", "/admin/jobs/\($0.value)") }
                paths += [
                    (
                        "asked",
                        "/admin/jobs?subject=\(encoded)&key=\(encoded)&kind=\(encoded)&queue=\(encoded)"
                    ),
                    ("wrong", "/admin/jobs?place=\(encoded)"), ("unknown", "/admin/queues/\(encoded)"),
                    ("flash", "/admin/audit?flash=\(encoded)"),
                    ("line", "/admin/schedules/\(PercentText.encoded(String(text.prefix(100))))"),
                ]
            }
            for (name, path) in paths {
                let answer = await house.page(path)
                do {
                    let page = try PageReader(answer.text)
                    shapes[name, default: []].formUnion(page.elements.keys)
                    let foreign = page.links.filter { !$0.hasPrefix("/admin") && $0 != "#main" }
                    #expect(foreign.isEmpty, "\(path): \(foreign)")
                } catch {
                    Issue.record("\(path.prefix(200)): \(error)")
                }
            }
        }
        return shapes
    }

    @Test("adds no element and no attribute to any page, wherever it stands")
    func escaped() async throws {
        // As many as at once below, and one long enough to be cut, as some titles are.
        let plain = try await shapes((1...7).map { "plain \($0)" } + [String(repeating: "long ", count: 60)])
        #expect(plain.count > 25)
        #expect(Self.titles.count >= 50)
        let titles = Self.titles.map { $0.filter { $0 != "\0" } }
        for start in stride(from: 0, to: titles.count, by: 8) {
            let chunk = Array(titles[start..<min(start + 8, titles.count)])
            for (name, elements) in try await shapes(chunk) {
                let foreign = elements.subtracting(plain[name] ?? [])
                #expect(foreign.isEmpty, "\(name) from \(start): \(foreign.sorted())")
            }
        }
    }
}
