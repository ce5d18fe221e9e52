import Jobs
import Testing
import Workshop

/// Answers of Steam's become values, or say why not.
@Suite struct ParserTests {
    // MARK: Item details

    static let item = """
        {"publishedfileid":"77","result":1,"consumer_app_id":4000,"file_size":"12","title":"Карта","description":"d",
        "time_created":1,"time_updated":2,"visibility":0,"banned":0,"tags":[{"tag":"Map "},{"tag":"Map"}]}
        """

    static func details(_ items: String) -> [UInt8] {
        Array(#"{"response":{"result":1,"resultcount":1,"publishedfiledetails":[\#(items)]}}"#.utf8)
    }

    static func file(_ items: String) throws -> ItemDetails? {
        guard case .file(let file) = try ItemDetailsParser.parse(details(items))[77] else { return nil }
        return file
    }

    @Test func readsAnItemWhateverItsNumbersAreWrittenAs() throws {
        let file = try #require(try Self.file(Self.item))
        #expect(file.app == 4000)
        #expect(file.size == 12)
        #expect(file.title == "Карта")
        #expect(file.tags == ["Map"])
        #expect(file.isPublic)
        #expect(!file.isBanned)
        #expect(file.address == nil)
        let older = try Self.file(
            Self.item.replacing(#""12""#, with: "12").replacing(":0,\"tags", with: ":false,\"tags"))
        #expect(older == file)
    }

    @Test func tellsGoneFromNotNow() throws {
        for code in [9, 15, 2, 10, 16, 20, 84] {
            let answer = try ItemDetailsParser.parse(
                Self.details(#"{"publishedfileid":"77","result":\#(code)}"#))[77]
            let isGone = if case .gone = answer { true } else { false }
            #expect(isGone == [9, 15].contains(code))
        }
    }

    @Test func anAnswerForOneAskedTwiceIsOneAnswer() throws {
        let twice = #"{"publishedfileid":"1","result":9},{"publishedfileid":"1","result":9}"#
        #expect(try ItemDetailsParser.parse(Self.details(twice)).count == 1)
    }

    @Test(arguments: [
        "title", "result", "file_size", "consumer_app_id", "time_created", "time_updated", "publishedfileid",
    ])
    func aRenamedFieldIsAChangedLayout(name: String) {
        let bytes = Self.details(Self.item.replacing("\"\(name)\"", with: "\"\(name)_x\""))
        let failure = #expect(throws: ParserFailure.self) { try ItemDetailsParser.parse(bytes) }
        #expect(failure?.reason == .changedLayout)
    }

    @Test(arguments: [
        ("", ParserFailure.Reason.garbled), ("<html>502</html>", .garbled), ("null", .changedLayout),
        ("[]", .changedLayout), ("{}", .changedLayout), (#"{"response":{}}"#, .changedLayout),
        (#"{"response":{"result":1,"publishedfiledetails":{}}}"#, .changedLayout),
        (#"{"response":{"result":84}}"#, .throttled), (#"{"response":{"result":2}}"#, .garbled),
        (
            #"{"response":{"result":1,"publishedfiledetails":[{"publishedfileid":"-5","result":1}]}}"#,
            .changedLayout
        ),
        (
            #"{"response":{"result":1,"publishedfiledetails":[{"publishedfileid":"٧٧","result":1}]}}"#,
            .changedLayout
        ),
        (
            #"{"response":{"result":1,"publishedfiledetails":[{"publishedfileid":"99999999999999999999","result":1}]}}"#,
            .changedLayout
        ),
        (#"{"response":{"result":1,"publishedfiledetails":[7]}}"#, .changedLayout),
        (String(repeating: "[", count: 100_000), .garbled),
        (#"{"response":{"result":1,"publishedfiledetails":["#, .garbled),
    ])
    func hostileDetailsAreRefused(text: String, reason: ParserFailure.Reason) {
        let bytes = Array(text.utf8)
        let failure = #expect(throws: ParserFailure.self) { try ItemDetailsParser.parse(bytes) }
        #expect(failure?.reason == reason)
    }

    @Test(arguments: [
        (#""file_size":"12""#, #""file_size":"-1""#), (#""file_size":"12""#, #""file_size":1e9"#),
        (#""file_size":"12""#, #""file_size":null"#),
        (#""time_updated":2"#, #""time_updated":999999999999999"#),
        (#""title":"Карта""#, #""title":[]"#), (#""tags":[{"tag":"Map "}"#, #""tags":[[]"#),
    ])
    func aHostileFieldIsAChangedLayout(field: String, instead: String) {
        let bytes = Self.details(Self.item.replacing(field, with: instead))
        let failure = #expect(throws: ParserFailure.self) { try ItemDetailsParser.parse(bytes) }
        #expect(failure?.reason == .changedLayout)
    }

    @Test func textsAreMadeFitForATable() throws {
        let title = #"\u0000a\u001b[31mb\u0085"# + String(repeating: "x", count: 9999)
        let file = try #require(try Self.file(Self.item.replacing("Карта", with: title)))
        #expect(file.title.hasPrefix("a[31mbxxx"))
        #expect(file.title.unicodeScalars.count == 512)
        let tags = (0..<500).map { #"{"tag":"t\#($0)"}"# }.joined(separator: ",")
        let many = try #require(try Self.file(Self.item.replacing(#"{"tag":"Map "}"#, with: tags)))
        #expect(many.tags.count <= 101)
    }

    // MARK: Games

    @Test func readsAGame() throws {
        let text = #"""
            {"4000":{"success":true,"data":{"type":"game","name":"G","steam_appid":4000,"header_image":"https://e/h.jpg",
            "short_description":"s","detailed_description":"<b>d</b>","genres":[{"id":"1","description":"Action"}]}}}
            """#
        let app = try StoreAppParser.parse(Array(text.utf8), app: 4000)
        #expect(app.name == "G")
        #expect(app.genres.map(\.id) == [1])
        #expect(app.genres.map(\.name) == ["Action"])
        for name in ["4000\":{", "success", "data", "name", "steam_appid", "description\":\"A", "id\":\"1"] {
            let renamed = Array(text.replacing("\"\(name)", with: "\"x\(name)").utf8)
            let failure = #expect(throws: ParserFailure.self) { try StoreAppParser.parse(renamed, app: 4000) }
            #expect(failure?.reason == .changedLayout, "\(name)")
        }
    }

    @Test(arguments: [
        ("null", ParserFailure.Reason.throttled), (#"{"4000":{"success":false}}"#, .gone), ("", .garbled),
        ("<!DOCTYPE html>", .garbled), (#"{"4001":{"success":true}}"#, .changedLayout),
        (#"{"4000":{"success":true,"data":[]}}"#, .changedLayout), (#"{"4000":null}"#, .changedLayout),
    ])
    func aGameThatIsNoneSaysWhy(text: String, reason: ParserFailure.Reason) {
        let failure = #expect(throws: ParserFailure.self) {
            try StoreAppParser.parse(Array(text.utf8), app: 4000)
        }
        #expect(failure?.reason == reason)
    }

    // MARK: What steamcmd notes

    static let manifest = """
        "AppWorkshop"
        {
        \t"appid"\t\t"4000" // a comment
        \t"WorkshopItemsInstalled"
        \t{
        \t\t"77" { "size" "12" "timeupdated" "5" "manifest" "-1" }
        \t}
        \t"WorkshopItemDetails" { "77" { "manifest" "-1" "note" "a \\"quote\\" and a \\\\" } }
        }
        """

    @Test func readsAManifest() throws {
        let manifest = try WorkshopManifest.parse(Array(Self.manifest.utf8))
        #expect(manifest.app == 4000)
        #expect(manifest.items[77]?.size == 12)
        #expect(manifest.items[77]?.updated == 5)
        let details = try KeyValues.parse(Array(Self.manifest.utf8)).branch("appworkshop")?
            .branch("WorkshopItemDetails")?.branch("77")
        #expect(details?.text("note") == #"a "quote" and a \"#)
    }

    @Test(arguments: ["AppWorkshop", "appid", "WorkshopItemsInstalled", "size"])
    func aRenamedKeyIsAChangedLayout(name: String) {
        let bytes = Array(Self.manifest.replacing("\"\(name)\"", with: "\"x\(name)\"").utf8)
        let failure = #expect(throws: ParserFailure.self) { try WorkshopManifest.parse(bytes) }
        #expect(failure?.reason == .changedLayout)
    }

    @Test(arguments: [
        ("", ParserFailure.Reason.garbled), ("{", .garbled), ("\"a\"", .garbled), ("\"a\" {", .garbled),
        ("\"a\" \"b", .garbled), ("\"a\" }", .garbled), ("a b", .garbled), ("\"a\" \"b\" }", .garbled),
        (String(repeating: "\"a\" {", count: 100_000), .tooLarge),
    ])
    func hostileKeyValuesAreRefused(text: String, reason: ParserFailure.Reason) {
        let failure = #expect(throws: ParserFailure.self) { try KeyValues.parse(Array(text.utf8)) }
        #expect(failure?.reason == reason)
    }

    // MARK: On what was captured

    @Test(.enabled(if: Captures.arePresent, "the captures do not lie beside the checkout"))
    func capturedDetailsReadAsExpected() throws {
        let names =
            try Captures.names(in: "published") + ["IPublishedFileService_GetDetails.2086515808.json"]
        for name in names {
            let answers = try ItemDetailsParser.parse(Captures.bytes(name))
            for expected in try Captures.expected(name)["items"]?.list ?? [] {
                let id = try #require(expected["publishedfileid"]?.word.flatMap { Int64($0) })
                guard case .file(let file) = answers[id] else {
                    Issue.record("\(name): item \(id) was not read")
                    continue
                }
                #expect(file.title == expected["title"]?.word)
                #expect(
                    String(file.app) == expected["consumer_app_id"]?.word ?? expected["consumer_appid"]?.word)
                #expect(String(file.size) == expected["file_size"]?.word)
                #expect(file.preview == expected["preview_url"]?.word)
                #expect(String(file.created) == expected["time_created"]?.word)
                #expect(String(file.updated) == expected["time_updated"]?.word)
                #expect(file.tags == expected["tags"]?.list.compactMap(\.word))
                #expect(file.isPublic)
                #expect(!file.isBanned)
            }
            #expect(!answers.isEmpty)
        }
    }

    @Test(.enabled(if: Captures.arePresent, "the captures do not lie beside the checkout"))
    func aCapturedAnswerOfMissingItemsReadsAsGone() throws {
        let cassette = String(decoding: try Captures.bytes("vcr/ValvePython_webapi.yaml"), as: UTF8.self)
        let line = try #require(cassette.split(separator: "\n").first { $0.contains("publishedfiledetails") })
        let json = try #require(line.firstIndex(of: "{").map { line[$0...].dropLast() })
        let answers = try ItemDetailsParser.parse(Array(json.utf8))
        let result: SteamResult? = if case .gone(let result) = answers[1] { result } else { nil }
        #expect(answers.count == 1)
        #expect(result?.code == 9)
        // An answer to another question is not taken for one to ours.
        let collection = try Captures.bytes(
            "collections/GetCollectionDetails.not_a_collection.3043951128.json")
        let failure = #expect(throws: ParserFailure.self) { try ItemDetailsParser.parse(collection) }
        #expect(failure?.reason == .changedLayout)
    }

    @Test(.enabled(if: Captures.arePresent, "the captures do not lie beside the checkout"))
    func capturedGamesReadAsExpected() throws {
        var count = 0
        for name in try Captures.names(in: "appdetails") {
            let expected = try Captures.expected(name)
            let document = try JSON(Captures.bytes(name)).parts()
            if let names = expected["names"]?.value, case .object(let apps) = names {
                for (id, title) in apps {
                    let answer = try #require(document[id])
                    let app = try StoreAppParser.parse(answer.json.bytes, app: try #require(Int64(id)))
                    #expect(app.name == title.word?.trimmingCharacters)
                    count += 1
                }
            } else {
                // The collector kept only the inner part.
                let id = try #require(expected["steam_appid"]?.word)
                let answer = #"{"\#(id)":{"success":true,"data":\#(document.json)}}"#
                let app = try StoreAppParser.parse(Array(answer.utf8), app: try #require(Int64(id)))
                #expect(app.name == expected["name"]?.word)
                #expect(app.type == expected["type"]?.word)
                count += 1
            }
        }
        #expect(count == 24)
    }

    @Test(.enabled(if: Captures.arePresent, "the captures do not lie beside the checkout"))
    func aCapturedManifestReadsAsExpected() throws {
        for name in try Captures.names(in: "acf") {
            let manifest = try WorkshopManifest.parse(Captures.bytes(name))
            let expected = try Captures.expected(name)
            #expect(String(manifest.app) == expected["appid"]?.word)
            #expect(manifest.items.keys.map(String.init) == expected["items"]?.list.compactMap(\.word))
        }
    }
}

extension String {
    /// Without white space at the ends, of whatever script.
    fileprivate var trimmingCharacters: String {
        var text = self[...]
        while text.first?.isWhitespace == true { text.removeFirst() }
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }
}
