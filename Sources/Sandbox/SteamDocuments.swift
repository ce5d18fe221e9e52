internal import Jobs

/// The documents that Steam would answer with.
enum SteamDocuments {
    // MARK: JSON

    /// - Parameters:
    ///   - size: bytes of what is to be had.
    ///   - base: where the sandbox is, for addresses of files.
    static func details(_ mod: SandboxMod, size: Int64, base: String, isNewer: Bool) -> JSONText {
        .object([
            ("publishedfileid", .string(String(mod.id))), ("result", 1), ("creator", "76561190000000001"),
            ("creator_app_id", .int(mod.app)), ("consumer_app_id", .int(mod.app)),
            ("filename", .string(mod.directName ?? "")),
            ("file_size", .string(String(size))),
            ("file_url", .string(mod.directName.map { "\(base)/files/\(mod.id)/\($0)" } ?? "")),
            ("hcontent_file", .string(String(mod.id &* 7))),
            ("preview_url", .string("\(base)/pictures/\(mod.id).svg")),
            ("title", .string(mod.title)), ("description", .string(mod.description)),
            ("time_created", .int(mod.created)),
            ("time_updated", .int(mod.updated + (isNewer ? 1_000_000 : 0))),
            ("visibility", 0), ("banned", 0), ("ban_reason", ""), ("subscriptions", .int(mod.id % 1000)),
            ("tags", .array(mod.tags.map { .object([("tag", .string($0))]) })),
        ])
    }

    static func missing(_ id: Int64, result: Int64 = 9) -> JSONText {
        .object([("publishedfileid", .string(String(id))), ("result", .int(result))])
    }

    static func answer(_ items: [JSONText]) -> String {
        JSONText.object([
            (
                "response",
                .object([
                    ("result", 1), ("resultcount", .int(Int64(items.count))),
                    ("publishedfiledetails", .array(items)),
                ])
            )
        ]).text
    }

    static func app(_ id: Int64, _ game: SandboxGame?, base: String) -> String {
        guard let game else { return JSONText.object([(String(id), .object([("success", false)]))]).text }
        let data = JSONText.object([
            ("type", "game"), ("name", .string(game.name)), ("steam_appid", .int(game.id)), ("is_free", true),
            ("detailed_description", .string("<p>\(escaped(game.about))</p>")),
            ("short_description", .string(game.about)),
            ("header_image", .string("\(base)/pictures/\(game.id).svg")),
            (
                "genres",
                .array(
                    game.genres.map {
                        .object([("id", .string(String($0.id))), ("description", .string($0.name))])
                    })
            ),
        ])
        return JSONText.object([(String(id), .object([("success", true), ("data", data)]))]).text
    }

    // MARK: Pages

    /// An item's page in the classic layout: the signs that a reader goes by, and little else.
    static func page(_ mod: SandboxMod, base: String, troubles: Set<String>) -> String {
        let title = escaped(mod.title)
        let pictures = (0..<mod.screenshots).map {
            "https://images.sandbox.invalid/ugc/\(mod.id)/\($0)/?imw=5000&imh=5000"
        }
        let holders = pictures.indices.map { number in
            """
            <div class="highlight_player_item highlight_screenshot"><div class="screenshot_holder">
            <a onclick="ShowEnlargedImagePreviewFromHighlightPlayer( '\(number)', g_HighlightPlayer );"><img
            class="workshopItemPreviewImageEnlargeable" src="trans.gif"></a></div></div>
            """
        }.joined(separator: "\n")
        let script = pictures.enumerated().map { "{ 'previewid' : '\($0.offset)', 'url': '\($0.element)' }," }
            .joined(separator: "\n")
        let gallery =
            pictures.isEmpty
            ? "<img id=\"previewImage\" src=\"\(base)/pictures/\(mod.id).svg\">"
            : "<div id=\"highlight_player_area\">\(holders)</div>\n<script>var rgFullScreenshotURLs = [\n\(script)\n];</script>"
        let main =
            pictures.isEmpty ? "" : "<img id=\"previewImageMain\" src=\"\(base)/pictures/\(mod.id).svg\">"
        let needed = mod.dependencies.map { id in
            """
            <a href="https://steamcommunity.com/workshop/filedetails/?id=\(id)" target="_blank"><div class="requiredItem">
            \(escaped(SandboxLibrary.mod(id)?.title ?? "")) </div></a>
            """
        }.joined(separator: "\n")
        let required =
            needed.isEmpty
            ? ""
            : """
            <div class="panel"><div class="rightSectionTopTitle condensed">Required items</div>
            <div class="requiredItemsContainer" id="RequiredItems">\(needed)</div></div>
            """
        let page = """
            <!DOCTYPE html>
            <html lang="en"><head><meta http-equiv="Content-Type" content="text/html; charset=UTF-8">
            <title>Steam Workshop::\(title)</title>
            <meta property="og:title" content="Steam Workshop::\(title)">
            <link rel="image_src" href="\(base)/pictures/\(mod.id).svg?imw=512&amp;&amp;ima=fit"></head>
            <body><div class="breadcrumbs"><a href="https://steamcommunity.com/app/\(mod.app)">\(
                escaped(SandboxLibrary.game(mod.app)?.name ?? ""))</a></div>
            <div id="mainContents">
            <div class="bannedNotification" id="bannedNotification" style="display: none">This item has been removed from
            the community.</div>
            <div class="workshopItemDetailsHeader"><div class="workshopItemTitle">\(title)</div></div>
            <div class="workshopItemPreviewArea">\(gallery)
            <div class="col_right">\(main)
            <div class="workshopTags"><span class="workshopTagsTitle">Tags:</span>\(
                mod.tags.map { "<a href=\"#\">\(escaped($0))</a>" }.joined(separator: ", "))</div></div></div>
            <div id="sharedfiles_content_ctn" data-miniprofile-appid="\(mod.app)">
            <div id="rightContents"><div class="sidebar">\(required)
            <div class="panel"><div class="rightSectionTopTitle condensed">Created by</div>
            <div class="creatorsBlock"><div class="friendBlockContent">sandbox</div></div></div></div></div>
            <a onclick="SubscribeItem( '\(mod.id)', '\(mod.app)' );" id="SubscribeItemBtn">Subscribe</a>
            <div class="workshopItemDescription" id="highlightContent">\(escaped(mod.description))
            <a href="https://steamcommunity.com/sharedfiles/filedetails/?id=1">not a requirement</a></div>
            </div></div></body></html>
            """
        guard troubles.contains("changed-layout") else { return page }
        return page.replacing("workshopItemTitle", with: "css-1x2y3z").replacing(
            "requiredItemsContainer", with: "css-9a8b"
        )
        .replacing("screenshot_holder", with: "css-4q5r")
    }

    /// How Steam tells that something is wrong with an item, with status 200.
    static func problem(_ words: String) -> String {
        """
        <!DOCTYPE html><html lang="en"><head><title>Steam Community :: Error</title></head><body>
        <div class="error_ctn"><h2>Error</h2><h3>\(words)</h3></div></body></html>
        """
    }

    /// A page that wants to know whether it is read by people.
    static let challenge = """
        <!DOCTYPE html><html lang="en"><head><title>Just a moment...</title></head><body>
        <script>window._cf_chl_opt = {};</script><script src="/cdn-cgi/challenge-platform/h/b/orchestrate"></script>
        </body></html>
        """

    static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
            .replacing("\"", with: "&quot;")
    }

    static func picture(_ number: Int64) -> String {
        """
        <svg xmlns="http://www.w3.org/2000/svg" width="512" height="288"><rect width="512" height="288"
        fill="hsl(\(number % 360),45%,55%)"/><text x="24" y="260" font-size="28" fill="#fff">\(number)</text></svg>
        """
    }
}
