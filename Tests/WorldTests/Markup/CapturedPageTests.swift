import FoundationEssentials
import Testing
import World

@Suite("A captured page of Steam", .enabled(if: Fixtures.areThere, "\(Fixtures.absence)"))
struct CapturedPageTests {
    private struct Facts: Decodable {
        struct Item: Decodable {
            let id: String
            let name: String
        }
        let page_title: String?
        let app_name: String?
        let canonical: String?
        let title: String?
        let breadcrumbs: [String]?
        let required_items: [Item]?
        let stats_table: [String: String]?
        let links: [String]?
    }

    /// The files whose facts stand in EXPECTED.json, with those facts.
    private func pages(of folder: String) throws -> [(name: String, document: Document, facts: Facts)] {
        let whole = try JSONDecoder().decode(
            [String: Entry].self, from: Data(try Fixtures.bytes("EXPECTED.json")))
        return try whole.filter { $0.key.hasPrefix(folder + "/") }.map { name, facts in
            (name, try Document(html: try Fixtures.bytes(name)), try #require(facts.page))
        }
    }

    /// One file's facts; nil for a file that is no page.
    private struct Entry: Decodable {
        let page: Facts?

        init(from decoder: any Decoder) throws { page = try? Facts(from: decoder) }
    }

    @Test("of the store gives its title, its name and its address")
    func store() throws {
        let pages = try pages(of: "store_html")
        #expect(pages.count == 4)
        for (name, document, facts) in pages {
            #expect(try document.text("//title") == facts.page_title, "\(name)")
            #expect(try document.text("//*[@id='appHubAppName']") == facts.app_name, "\(name)")
            #expect(try document.first("//link[@rel='canonical']")?["href"] == facts.canonical, "\(name)")
        }
    }

    @Test("of the Workshop gives its title, its path, what it needs and its numbers")
    func workshop() throws {
        let pages = try pages(of: "workshop_html").filter {
            $0.facts.page_title != nil || $0.facts.title != nil
        }
        #expect(pages.count == 3)
        var headings = 0
        for (name, document, facts) in pages {
            if let title = facts.page_title { #expect(try document.text("//title") == title, "\(name)") }
            // Two of the excerpts leave the heading out.
            if let title = try document.text("//div[\(XPath.hasClass("workshopItemTitle"))]") {
                #expect(title == facts.title, "\(name)")
                headings += 1
            }
            if let path = facts.breadcrumbs {
                #expect(try document.texts("//div[\(XPath.hasClass("breadcrumbs"))]/a") == path, "\(name)")
            }
            if let items = facts.required_items {
                let links = try document.nodes("//div[@id='RequiredItems']//a")
                #expect(links.map(\.text) == items.map(\.name), "\(name)")
                #expect(
                    links.allSatisfy { link in items.contains { link["href"]?.hasSuffix($0.id) == true } })
            }
            if let table = facts.stats_table {
                let rows = try document.nodes("//table[\(XPath.hasClass("stats_table"))]//tr")
                    .map { try $0.texts("./td") }
                #expect(Dictionary(uniqueKeysWithValues: rows.map { ($0[1], $0[0]) }) == table, "\(name)")
            }
        }
        #expect(headings == 1)
    }

    @Test("in pieces gives its links and its text")
    func fragments() throws {
        for (name, document, facts) in try pages(of: "html_fragments") {
            #expect(try document.nodes("//a[@href]").compactMap { $0["href"] } == facts.links, "\(name)")
        }
    }
}
