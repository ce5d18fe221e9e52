import TestSupport

/// What Steam answers when all is well: the material for answers on a bad day.
enum Sample: Int {
    case details, games, pages, files

    /// The right answer about these items.
    func right(for ids: [Int64], host: String) -> [UInt8] {
        let id = ids.first ?? 77
        return switch self {
        case .details: Samples.details(ids, host: host)
        case .games: Samples.game(id)
        case .pages: Array(ItemPageTests.page.replacing("'77'", with: "'\(id)'").utf8)
        case .files: Array("just ten b".utf8)
        }
    }

    func fuzzer(for id: Int64, host: String) -> AnswerFuzzer {
        let form: AnswerFuzzer.Form =
            switch self {
            case .details, .games: .json
            case .pages: .markup
            case .files: .lines
            }
        return AnswerFuzzer(form, samples: [right(for: [id], host: host)], foreign: Samples.all)
    }
}

/// Right answers of one upstream call.
struct Samples {
    let form: AnswerFuzzer.Form
    let samples: [[UInt8]]

    var fuzzer: AnswerFuzzer { AnswerFuzzer(form, samples: samples, foreign: Self.all) }

    /// One of each call.
    static let all = [details, games, pages, reports, books].map { $0.samples[0] }

    static let details = Samples(
        form: .json,
        samples: [
            details([77], host: ""), details([77, 78, 79], host: "127.0.0.1:1"),
            ParserTests.details(ParserTests.item),
            ParserTests.details(#"{"publishedfileid":"77","result":9},{"publishedfileid":"78","result":84}"#),
        ])

    static let games = Samples(form: .json, samples: [game(4000)])

    static let pages = Samples(form: .markup, samples: [Array(ItemPageTests.page.utf8)])

    static let reports = Samples(
        form: .lines,
        samples: [
            """
            Steam Console Client (c) Valve Corporation - version 1700000000
            Connecting anonymously to Steam Public...OK
            Waiting for client config...OK
            Waiting for user info...OK
            Downloading item 77 ...
            Success. Downloaded item 77 to "/slot/install/steamapps/workshop/content/4000/77" (456 bytes)
            """,
            """
            Connecting anonymously to Steam Public...OK
            Downloading item 77 ...
            [AppID 4000] Failed to get item info: Access Denied
            ERROR! Timeout downloading item 77
            ERROR! Download item 77 failed (Failure).
            """,
            """
            Logging in user 'anonymous' to Steam Public...FAILED (Rate Limit Exceeded)
            FAILED login with result code Service Unavailable
            """,
        ].map { Array($0.utf8) })

    static let books = Samples(
        form: .markup,
        samples: [
            Array(
                """
                "AppWorkshop"
                {
                    "appid"		"4000"
                    "SizeOnDisk"		"456"
                    "WorkshopItemsInstalled"
                    {
                        "77"
                        {
                            "size"		"456"
                            "timeupdated"		"1700000000"
                            "manifest"		"7"
                        }
                    }
                }
                """.utf8)
        ])

    /// Whole answers as they stand on the wire.
    static let wire = Samples(
        form: .lines,
        samples: [
            "HTTP/1.1 200 OK\r\nContent-Length: 10\r\nETag: \"a\"\r\nContent-Type: text/html; charset=utf-8\r\n\r\njust ten b",
            "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 5-9/10\r\nContent-Length: 5\r\nETag: \"a\"\r\n\r\nten b",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\njust \r\n5\r\nten b\r\n0\r\n\r\n",
            "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Range: bytes */10\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/next?a=1#b\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\nDate: Sun, 06 Nov 1994 10:49:37 GMT\r\n\r\n{}",
            "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 20\r\n\r\n\u{1f}",
            "HTTP/1.0 503 Service Unavailable\r\nRetry-After: 120\r\n\r\nlater",
        ].map { Array($0.utf8) })

    static func details(_ ids: [Int64], host: String) -> [UInt8] {
        ParserTests.details(
            ids.map { id in
                let address = id % 2 == 0 && !host.isEmpty ? "http://\(host)/files/\(id)" : ""
                return """
                    {"publishedfileid":"\(id)","result":1,"creator":"76561190000000001","consumer_app_id":4000,"filename":"a.gma",
                    "file_size":"10","file_url":"\(address)","preview_url":"https://i.example/\(id)","title":"Mod \(id)",
                    "description":"[b]What[/b] it does","time_created":1600000000,"time_updated":1700000000,"visibility":0,
                    "banned":0,"tags":[{"tag":"Map"},{"tag":"Fun"}]}
                    """
            }.joined(separator: ","))
    }

    static func game(_ id: Int64) -> [UInt8] {
        Array(
            """
            {"\(id)":{"success":true,"data":{"type":"game","name":"A game","steam_appid":\(id),"is_free":true,
            "detailed_description":"<p>Long</p>","short_description":"Short","header_image":"https://i.example/\(id)",
            "genres":[{"id":"1","description":"Action"},{"id":"4","description":"Casual"}]}}}
            """.utf8)
    }
}
