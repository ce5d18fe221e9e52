internal import Jobs

/// What Steam says of one Workshop item.
package struct ItemDetails: Hashable, Sendable {
    package let id: Int64
    /// The game it belongs to.
    package let app: Int64
    package let title: String
    /// BBCode, as its author wrote it.
    package let description: String
    /// The sum of the sizes of its files, in bytes.
    package let size: Int64
    /// Where an item of the old kind lies as one file; `nil` for those that only steamcmd can have.
    package let address: String?
    /// The name of that file.
    package let fileName: String?
    package let preview: String?
    /// Unix seconds.
    package let created: Int64
    /// Unix seconds.
    package let updated: Int64
    package let tags: [String]
    package let isPublic: Bool
    package let isBanned: Bool
}

/// What Steam answered about one item.
package enum ItemAnswer: Hashable, Sendable {
    case file(ItemDetails)
    /// There is none, or none for everybody.
    case gone(SteamResult)
    /// Steam could not say now.
    case unavailable(SteamResult)
}

/// Steam's result codes. Source: steamclientpublic.h of the Steamworks SDK.
package struct SteamResult: Hashable, Sendable, CustomStringConvertible {
    package let code: Int64

    /// Asking again later may go better: general failure, busy, timeout, service unavailable, limit exceeded.
    package var isTransient: Bool { [2, 10, 16, 20, 84].contains(code) }

    package var description: String {
        switch code {
        case 2: "result 2, Fail"
        case 8: "result 8, InvalidParam"
        case 9: "result 9, FileNotFound"
        case 10: "result 10, Busy"
        case 15: "result 15, AccessDenied"
        case 16: "result 16, Timeout"
        case 20: "result 20, ServiceUnavailable"
        case 84: "result 84, RateLimitExceeded"
        default: "result \(code)"
        }
    }
}

/// Reads answers of `ISteamRemoteStorage/GetPublishedFileDetails`, and those of its younger sister
/// `IPublishedFileService/GetDetails`, which names a few fields differently.
package enum ItemDetailsParser {
    package static let version = "item-details 1"
    static let bytesMax = 8 << 20
    static let titleMax = 512
    static let descriptionMax = 64 << 10
    static let tagsMax = 100
    static let tagMax = 128
    /// 9999-12-31.
    static let timeMax: Int64 = 253_402_300_799

    /// - Returns: what was said of each item, by id: answers come in any order, and one asked for twice comes twice.
    /// - Throws: `ParserFailure`
    package static func parse(_ bytes: [UInt8]) throws(ParserFailure) -> [Int64: ItemAnswer] {
        guard bytes.count <= bytesMax else { throw failure(.tooLarge, "\(bytes.count) bytes") }
        let document: JSONPart
        do { document = try JSON(bytes).parts() } catch { throw failure(.garbled, "\(error)") }
        guard let response = document["response"], response.members != nil else {
            throw failure(.changedLayout, "no object “response”")
        }
        if let result = response["result"] {
            guard let code = result.wholeNumber else {
                throw failure(.changedLayout, "“result” is \(result.json)")
            }
            if code == 84 { throw failure(.throttled, SteamResult(code: code).description) }
            guard code == 1 else {
                throw failure(.garbled, "the whole answer says \(SteamResult(code: code))")
            }
        }
        guard let items = response["publishedfiledetails"]?.parts else {
            throw failure(.changedLayout, "no list “publishedfiledetails”")
        }
        var answers: [Int64: ItemAnswer] = [:]
        for item in items {
            guard let id = item["publishedfileid"]?.wholeNumber, id > 0 else {
                throw failure(.changedLayout, "an item without “publishedfileid”")
            }
            answers[id] = try answer(id, item)
        }
        return answers
    }

    private static func answer(_ id: Int64, _ item: JSONPart) throws(ParserFailure) -> ItemAnswer {
        guard let code = item["result"]?.wholeNumber else {
            throw failure(.changedLayout, "item \(id) has no “result”")
        }
        let result = SteamResult(code: code)
        guard code == 1 else { return result.isTransient ? .unavailable(result) : .gone(result) }
        return .file(try file(id, item))
    }

    private static func file(_ id: Int64, _ item: JSONPart) throws(ParserFailure) -> ItemDetails {
        func number(_ names: String..., upTo max: Int64) throws(ParserFailure) -> Int64 {
            for name in names {
                guard let part = item[name] else { continue }
                guard let number = part.wholeNumber, number <= max else {
                    throw failure(.changedLayout, "item \(id): “\(name)” is \(brief(part))")
                }
                return number
            }
            throw failure(.changedLayout, "item \(id) has no “\(names[0])”")
        }
        guard let title = item["title"]?.string else {
            throw failure(.changedLayout, "item \(id) has no “title”")
        }
        // The younger sister cuts it short, and calls it so.
        let description = (item["description"] ?? item["file_description"] ?? item["short_description"])?
            .string
        return ItemDetails(
            id: id, app: try number("consumer_app_id", "consumer_appid", upTo: .max),
            title: title.tidied(scalarsMax: titleMax),
            description: (description ?? "").tidied(scalarsMax: descriptionMax),
            size: try number("file_size", upTo: .max),
            address: text(item["file_url"] ?? item["url"]), fileName: text(item["filename"]),
            preview: text(item["preview_url"]),
            created: try number("time_created", upTo: timeMax),
            updated: try number("time_updated", upTo: timeMax), tags: try tags(id, item["tags"]),
            isPublic: item["visibility"]?.wholeNumber ?? 0 == 0, isBanned: item["banned"]?.flag ?? false)
    }

    /// Objects with a `tag`, or plain texts. None is usual, something else is a change.
    private static func tags(_ id: Int64, _ part: JSONPart?) throws(ParserFailure) -> [String] {
        guard let part, !part.isNull else { return [] }
        guard let list = part.parts else {
            throw failure(.changedLayout, "item \(id): “tags” is \(brief(part))")
        }
        var tags: [String] = []
        for part in list.prefix(tagsMax) {
            guard let text = part.string ?? part["tag"]?.string else {
                throw failure(.changedLayout, "item \(id): a tag is \(brief(part))")
            }
            let tag = text.tidied(scalarsMax: tagMax)
            if !tag.isEmpty, !tags.contains(tag) { tags.append(tag) }
        }
        return tags
    }

    private static func text(_ part: JSONPart?) -> String? {
        guard let text = part?.string?.tidied(scalarsMax: 2048), !text.isEmpty else { return nil }
        return text
    }

    private static func brief(_ part: JSONPart) -> String { String(part.json.description.prefix(40)) }

    private static func failure(_ reason: ParserFailure.Reason, _ words: String) -> ParserFailure {
        ParserFailure(version, reason, words)
    }
}
