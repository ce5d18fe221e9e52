import Jobs
import Testing
import Workshop

/// An item's page becomes what it tells, or says why not; it is never taken for one that tells nothing.
@Suite struct ItemPageTests {
    /// The classic layout in short, of our own words.
    static let page = """
        <!DOCTYPE html><html lang="en"><head><title>Steam Workshop::Карта «α»</title>
        <meta property="og:title" content="Steam Workshop::Карта «α»">
        <link rel="image_src" href="https://i.example/main/?a=1&amp;&amp;b=2"></head><body>
        <div id="mainContents">
        <div id="bannedNotification" style="display: none">This item has been removed from the community</div>
        <div class="workshopItemDetailsHeader"><div class="workshopItemTitle"> Карта «α» </div></div>
        <div class="workshopItemPreviewArea">
        <div class="screenshot_holder"><a onclick="ShowEnlarged( '11', g );"><img
        class="workshopItemPreviewImageEnlargeable" src="t.gif"></a></div>
        <div class="screenshot_holder"><a onclick="ShowEnlargedImagePreview( 'https://i.example/old' );"><img
        class="workshopItemPreviewImageEnlargeable" src="t.gif"></a></div>
        <script>var rgFullScreenshotURLs = [ { 'previewid' : '11', 'url': 'https://i.example/new?x=1&y=2' }, ];</script>
        </div>
        <div id="rightContents"><div class="sidebar">
        <div class="panel"><div class="rightSectionTopTitle condensed">Required items</div>
        <div class="requiredItemsContainer" id="RequiredItems">
        <a href="https://steamcommunity.com/workshop/filedetails/?id=5"><div class="requiredItem"> Five </div></a>
        <a href="https://steamcommunity.com/sharedfiles/filedetails/?id=6&l=english"><div class="requiredItem">Six</div></a>
        </div></div>
        <div class="panel"><div class="rightSectionTopTitle condensed">Created by</div></div></div></div>
        <a onclick="SubscribeItem( '77', '4000' );" id="SubscribeItemBtn">Subscribe</a>
        <div id="highlightContent"><a href="https://steamcommunity.com/sharedfiles/filedetails/?id=9">see</a></div>
        </div></body></html>
        """

    static func parse(_ text: String, of id: Int64 = 77) async throws -> ItemPage {
        try await ItemPageParser.parse(Array(text.utf8), of: id)
    }

    static func reason(_ text: String) async -> ParserFailure.Reason? {
        do {
            _ = try await parse(text).whole()
            return nil
        } catch { return (error as? ParserFailure)?.reason }
    }

    @Test func readsWhatThePageTells() async throws {
        let page = try await Self.parse(Self.page)
        #expect(page.title == "Карта «α»")
        #expect(page.app == 4000)
        #expect(page.required == [5, 6])
        #expect(page.screenshots == ["https://i.example/new?x=1&y=2", "https://i.example/old"])
        #expect(page.picture == "https://i.example/main/?a=1&&b=2")
    }

    @Test func nothingRequiredAndNoGalleryAreKnownOnlyFromWhatStandsAround() async throws {
        let start = try #require(
            Self.page.firstRange(of: "<div class=\"panel\"><div class=\"rightSectionTopTitle condensed\">Req")
        )
        let end = try #require(
            Self.page.firstRange(of: "<div class=\"panel\"><div class=\"rightSectionTopTitle condensed\">Cre")
        )
        let free = Self.page.replacingCharacters(start.lowerBound..<end.lowerBound, with: "")
        #expect(try await Self.parse(free).required == [])
        let bare = free.replacing("rightContents", with: "x")
        #expect(try await Self.parse(bare).required == nil)
        #expect(await Self.reason(bare) == .changedLayout)
    }

    @Test(arguments: [
        "workshopItemTitle", "screenshot_holder", "workshopItemPreviewImageEnlargeable",
        "rgFullScreenshotURLs",
        "requiredItemsContainer", "RequiredItems", "requiredItem\"", "rightContents", "sidebar",
        "rightSectionTopTitle",
        "SubscribeItem(", "previewid", "filedetails/?id=5", "Required items",
    ])
    func aRenamedSignIsAChangedLayout(name: String) async throws {
        let renamed = Self.page.replacing(name, with: "q" + name.dropFirst())
        try #require(renamed != Self.page)
        #expect(await Self.reason(renamed) == .changedLayout)
    }

    @Test(arguments: [
        (
            "<div class=error_ctn><h3>That item does not exist. It may have been removed by the author.</h3></div>",
            ParserFailure.Reason.gone
        ),
        (
            "<div class=error_ctn><h3>There was a problem accessing the item. Please try again.</h3></div>",
            .gone
        ),
        ("<div class=error_ctn><h3>You must be logged in to view this item.</h3></div>", .gated),
        ("<div class='error_ctn'><h3>You've made too many requests recently.</h3></div>", .throttled),
        ("<title>Just a moment...</title><script>window._cf_chl_opt={}</script>", .challenged),
        ("<title>Один момент…</title><script src=/cdn-cgi/challenge-platform/h></script>", .challenged),
        ("<title>Sign In</title><div id=loginForm></div>", .gated),
        ("<html><body>hello</body></html>", .changedLayout), ("", .garbled), ("plain text", .garbled),
    ])
    func aPageThatIsNoItemSaysWhy(text: String, reason: ParserFailure.Reason) async {
        #expect(await Self.reason(text) == reason)
    }

    @Test func aPageOfAnotherItemIsNotTakenForThisOne() async throws {
        let failure = await #expect(throws: ParserFailure.self) { try await Self.parse(Self.page, of: 78) }
        #expect(failure?.reason == .changedLayout)
    }

    @Test func aMillionNestedElementsFail() async {
        #expect(await Self.reason(String(repeating: "<div>", count: 1_000_000)) == .tooLarge)
        #expect(await Self.reason("<body " + String(repeating: "a='b' ", count: 1_500_000)) == .tooLarge)
    }

    // MARK: On what was captured

    @Test(.enabled(if: Captures.arePresent, "the captures do not lie beside the checkout"))
    func aCapturedPageReadsAsExpected() async throws {
        let name = "workshop_html/aqua-skies_4000_3801998124.excerpt.html"
        let expected = try Captures.expected(name)
        let page = try await ItemPageParser.parse(Captures.bytes(name), of: 3_801_998_124)
        #expect(page.title == expected["title"]?.word)
        #expect(page.app.map { String($0) } == expected["appid"]?.word)
        #expect(
            page.required?.map { String($0) }
                == expected["required_items"]?.list.compactMap { $0["id"]?.word })
        #expect(page.screenshots.map { String($0.count) } == expected["screenshots"]?.word)
        #expect(
            page.screenshots?.allSatisfy { $0.hasPrefix("https://images.steamusercontent.com/ugc/") } == true)
        #expect(page.picture == expected["image_src"]?.word)
    }

    /// The collector left parts of them out, and said so inside.
    @Test(
        .enabled(if: Captures.arePresent, "the captures do not lie beside the checkout"),
        arguments: [("3803871160", true), ("3808352517_zh", false)])
    func capturedPartsOfPagesTellWhatIsInThem(name: String, hasSidebar: Bool) async throws {
        let file = "workshop_html/aqua-skies_4000_\(name).excerpt.html"
        let expected = try Captures.expected(file)
        let id = try #require(expected["publishedfileid"]?.word.flatMap { Int64($0) })
        let page = try await ItemPageParser.parse(Captures.bytes(file), of: id)
        #expect(page.title == expected["title"]?.word)
        #expect(page.app.map { String($0) } == expected["appid"]?.word)
        #expect(page.picture == expected["image_src"]?.word)
        #expect(page.required == (hasSidebar ? [] : nil))
        // The gallery was left out: that is not the same as an item without pictures.
        #expect(page.screenshots == nil)
        #expect(throws: ParserFailure.self) { try page.whole() }
    }

    @Test(
        .enabled(if: Captures.arePresent, "the captures do not lie beside the checkout"),
        arguments: [
            "workshopItemTitle", "screenshot_holder", "workshopItemPreviewImageEnlargeable",
            "rgFullScreenshotURLs",
            "requiredItemsContainer", "RequiredItems", "requiredItem\"", "rightContents", "sidebar",
            "rightSectionTopTitle", "SubscribeItem(",
        ])
    func aCapturedPageWithOneNameChangedIsAChangedLayout(name: String) async throws {
        let capture = String(
            decoding: try Captures.bytes("workshop_html/aqua-skies_4000_3801998124.excerpt.html"),
            as: UTF8.self)
        // The two calls that name the item stand for each other.
        let renamed = capture.replacing(name, with: "q" + name.dropFirst()).replacing(
            "ShowAddToCollection", with: "x")
        do {
            _ = try await Self.parse(renamed, of: 3_801_998_124).whole()
            Issue.record("\(name) was renamed, and nobody noticed")
        } catch let error as ParserFailure {
            #expect(error.reason == .changedLayout)
        }
    }

    /// Pages of other kinds, and one that its owner turned into a template: refused, with the reason.
    @Test(.enabled(if: Captures.arePresent, "the captures do not lie beside the checkout"))
    func capturedPagesOfOtherKindsAreRefused() async throws {
        let names =
            try Captures.names(in: "store_html") + Captures.names(in: "html_fragments")
            + Captures.names(in: "workshop_html/templated")
        for name in names {
            let bytes = try Captures.bytes(name)
            let failure = await #expect(throws: ParserFailure.self, "\(name)") {
                _ = try await ItemPageParser.parse(bytes, of: 1).whole()
            }
            let isExpected = failure?.reason == .changedLayout || failure?.reason == .gated
            #expect(isExpected, "\(name): \(failure?.description ?? "")")
        }
        #expect(names.count == 6)
    }
}

extension String {
    fileprivate func replacingCharacters(_ range: Range<Index>, with text: String) -> String {
        String(self[..<range.lowerBound]) + text + String(self[range.upperBound...])
    }
}
