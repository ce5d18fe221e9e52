internal import World

/// What an item's page tells.
package struct ItemPage: Hashable, Sendable {
    package let title: String
    /// The game.
    package let app: Int64?
    /// The items it needs, in the page's order; `nil`: the part of the page that would say so was not recognised.
    package let required: [Int64]?
    /// Addresses of pictures, in the page's order; `nil`: the gallery was not recognised.
    package let screenshots: [String]?
    /// The address of its main picture.
    package let picture: String?

    /// - Throws: `ParserFailure` when a part was not recognised: what is not known is not taken for nothing.
    package func whole() throws(ParserFailure) -> (required: [Int64], screenshots: [String]) {
        guard let required else {
            throw ParserFailure(ItemPageParser.version, .changedLayout, "no sidebar to say what is required")
        }
        guard let screenshots else {
            throw ParserFailure(ItemPageParser.version, .changedLayout, "no gallery of pictures")
        }
        return (required, screenshots)
    }
}

/// Reads `steamcommunity.com/sharedfiles/filedetails`, asked for in English without an account.
///
/// Signs that stand for each other are compared: when one says that there are pictures and another finds none, the
/// layout has changed, and nothing is guessed.
package enum ItemPageParser {
    package static let number: Int32 = 1
    package static let version = "item-page \(number)"
    static let requiredMax = 1000
    static let screenshotsMax = 200

    /// - Parameters:
    ///   - id: the item that was asked for.
    ///   - charset: what the answer's header says.
    /// - Throws: `ParserFailure`; `CancellationError`.
    package static func parse(_ bytes: [UInt8], of id: Int64, charset: String? = nil) async throws -> ItemPage
    {
        do {
            let text = String(decoding: bytes, as: UTF8.self)
            return try await Markup.readHTML(bytes, charset: charset) { document in
                try read(document, text, id)
            }
        } catch let error as MarkupError {
            switch error {
            case .notMarkup, .malformed: throw failure(.garbled, "\(error)")
            default: throw failure(.tooLarge, "\(error)")
            }
        }
    }

    /// Reads a page that is already in hand, on the thread that holds it.
    static func read(_ document: Document, _ text: String, _ id: Int64) throws -> ItemPage {
        guard let item = try item(document) else {
            throw try problem(document, text) ?? failure(.changedLayout, "no button to subscribe to an item")
        }
        guard item.id == id else {
            throw failure(.changedLayout, "the page is of item \(item.id), not of \(id)")
        }
        return ItemPage(
            title: try title(document), app: item.app, required: try required(document),
            screenshots: try screenshots(document, text), picture: try picture(document))
    }

    // MARK: What kind of page

    /// The item and its game, as the button's own call names them.
    private static func item(_ document: Document) throws -> (id: Int64, app: Int64?)? {
        for word in ["SubscribeItem", "ShowAddToCollection"] {
            for node in try document.nodes("//*[contains(@onclick, '\(word)(')]") {
                let parts = quoted(node["onclick"] ?? "")
                if let id = parts.first.flatMap({ Int64(digits: $0) }) {
                    return (id, parts.count > 1 ? Int64(digits: parts[1]) : nil)
                }
            }
        }
        return nil
    }

    /// Why this is no item's page, when it says so itself.
    private static func problem(_ document: Document, _ text: String) throws -> ParserFailure? {
        let title = try document.text("//title") ?? ""
        if isChallenge(text) { return failure(.challenged, "“\(title.prefix(60))”") }
        let words = try document.text("//*[\(with("error_ctn"))]//h3") ?? ""
        let said = (words.isEmpty ? String(title.prefix(200)) : words)
        if said.lowercased().contains("too many requests") {
            return failure(.throttled, "“\(said.prefix(120))”")
        }
        let gates = try document.nodes(
            "//*[@id='age_gate' or @name='ageYear' or @id='loginForm' or @id='loginModals']")
        if said.contains("must be logged in") || said == "Sign In" || !gates.isEmpty {
            return failure(.gated, "“\(said.prefix(120))”")
        }
        return words.isEmpty ? nil : failure(.gone, "“\(words.prefix(120))”")
    }

    /// Signs of pages that ask whether a person reads them.
    package static func isChallenge(_ text: String) -> Bool {
        ["_cf_chl_opt", "/cdn-cgi/challenge-platform/", "jschl_vc", "jschl_answer", "sucuri_cloudproxy_js"]
            .contains {
                text.contains($0)
            }
    }

    // MARK: Parts

    private static func title(_ document: Document) throws -> String {
        if let title = try document.text("//*[\(with("workshopItemTitle"))]"), !title.isEmpty { return title }
        // Whole pages have the header; parts of a page may do with what stands in the head.
        guard try document.first("//*[@id='mainContents' or \(with("workshopItemDetailsHeader"))]") == nil
        else {
            throw failure(.changedLayout, "no element workshopItemTitle")
        }
        let meta = try document.first("//meta[@property='og:title']")?["content"] ?? ""
        guard let colons = meta.range(of: "::"), colons.upperBound < meta.endIndex else {
            throw failure(.changedLayout, "no title")
        }
        return String(meta[colons.upperBound...])
    }

    private static func required(_ document: Document) throws -> [Int64]? {
        let containers = try document.nodes("//*[@id='RequiredItems']")
        let classes = try document.nodes("//*[\(with("requiredItemsContainer"))]")
        let items = try document.nodes("//*[@id='rightContents']//*[\(with("requiredItem"))]")
        let headings = try document.texts("//*[\(with("sidebar"))]//*[\(with("rightSectionTopTitle"))]")
            .filter {
                $0.lowercased().hasPrefix("required items")
            }
        if containers.isEmpty, classes.isEmpty, items.isEmpty, headings.isEmpty {
            let sidebar = try document.first("//*[@id='rightContents']//*[\(with("sidebar"))]")
            guard sidebar != nil else { return nil }
            // Its headings are how a list of requirements would be noticed.
            guard try document.first("//*[\(with("sidebar"))]//*[\(with("rightSectionTopTitle"))]") != nil
            else {
                throw failure(.changedLayout, "a sidebar without a heading")
            }
            return []
        }
        guard let container = containers.first, !classes.isEmpty, !headings.isEmpty else {
            throw failure(.changedLayout, "something is required, and the list of it is not where it was")
        }
        let links = try container.nodes(".//a[contains(@href, '/filedetails/?id=')]")
        guard !links.isEmpty, links.count == items.count, links.count <= requiredMax else {
            throw failure(.changedLayout, "\(items.count) required items and \(links.count) links to them")
        }
        return try links.map { link in
            let digits = (link["href"] ?? "").after("?id=").prefix { $0.isNumber }
            guard let id = Int64(digits: digits) else {
                throw failure(.changedLayout, "a required item without a number")
            }
            return id
        }
    }

    /// Each picture is shown by a holder that names its number, and a script gives the addresses; older pages have the
    /// address in the holder.
    private static func screenshots(_ document: Document, _ text: String) throws -> [String]? {
        let holders = try document.nodes("//*[\(with("screenshot_holder"))]")
        let images = try document.nodes("//img[\(with("workshopItemPreviewImageEnlargeable"))]")
        let addresses = fullAddresses(text)
        if holders.isEmpty {
            guard addresses.isEmpty, images.isEmpty else {
                throw failure(
                    .changedLayout, "a gallery of \(max(addresses.count, images.count)) without holders")
            }
            let area = try document.first("//*[@id='previewImage' or \(with("workshopItemPreviewArea"))]")
            return area == nil ? nil : []
        }
        guard holders.count <= screenshotsMax, images.count == holders.count else {
            throw failure(.changedLayout, "\(holders.count) holders of pictures and \(images.count) pictures")
        }
        var found: [String] = []
        for holder in holders {
            let call = try holder.first(".//a[@onclick]")?["onclick"] ?? ""
            let word = quoted(call).first ?? ""
            guard let address = word.hasPrefix("https://") ? word : addresses[word] else {
                throw failure(.changedLayout, "a picture without an address")
            }
            // What is not https is nobody's picture to show.
            if address.hasPrefix("https://"), !found.contains(address) { found.append(address) }
        }
        return found
    }

    /// The script's list of full pictures: number to address.
    private static func fullAddresses(_ text: String) -> [String: String] {
        var addresses: [String: String] = [:]
        let list = text.after("rgFullScreenshotURLs").prefix { $0 != ";" && $0 != "]" }
        for line in list.split(separator: "}") {
            let words = quoted(String(line))
            // 'previewid' : 'N', 'url': 'ADDRESS'
            if words.count == 4, words[0] == "previewid", words[2] == "url" {
                addresses[words[1]] = words[3].replacing("&amp;", with: "&")
            }
        }
        return addresses
    }

    private static func picture(_ document: Document) throws -> String? {
        for (path, attribute) in [
            ("//link[@rel='image_src']", "href"), ("//meta[@property='og:image']", "content"),
            ("//img[@id='previewImageMain']", "src"), ("//img[@id='previewImage']", "src"),
        ] {
            if let address = try document.first(path)?[attribute], !address.isEmpty { return address }
        }
        return nil
    }

    // MARK: Small things

    /// An XPath condition: the class list holds the word.
    private static func with(_ word: String) -> String {
        "contains(concat(' ', normalize-space(@class), ' '), ' \(word) ')"
    }

    /// What stands between single quotes, in order.
    private static func quoted(_ text: String) -> [String] {
        let parts = text.split(separator: "'", omittingEmptySubsequences: false)
        return stride(from: 1, to: parts.count - (parts.count + 1) % 2, by: 2).map { String(parts[$0]) }
    }

    private static func failure(_ reason: ParserFailure.Reason, _ words: String) -> ParserFailure {
        ParserFailure(version, reason, words)
    }
}

extension String {
    /// What stands behind the first `words`; empty when they are not there.
    fileprivate func after(_ words: String) -> Substring {
        range(of: words).map { self[$0.upperBound...] } ?? ""
    }

    fileprivate func range(of words: String) -> Range<Index>? { firstRange(of: words) }
}
