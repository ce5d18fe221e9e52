internal import Jobs

/// What the store says of a game.
package struct StoreApp: Hashable, Sendable {
    package struct Genre: Hashable, Sendable {
        package let id: Int64
        package let name: String
    }

    package let id: Int64
    package let name: String
    /// `game`, `dlc`, `demo`, `video` and the like; some answers leave it out.
    package let type: String?
    package let logo: String?
    package let shortDescription: String
    /// HTML, as the store keeps it.
    package let description: String
    package let genres: [Genre]
}

/// Reads answers of the store's `api/appdetails`.
package enum StoreAppParser {
    package static let version = "store-app 1"
    static let bytesMax = 8 << 20
    static let genresMax = 50

    /// - Throws: `ParserFailure`; `.throttled` for the bare `null` with which the store says that it was asked too often,
    ///   `.gone` for an app that it does not show.
    package static func parse(_ bytes: [UInt8], app id: Int64) throws(ParserFailure) -> StoreApp {
        guard bytes.count <= bytesMax else { throw failure(.tooLarge, "\(bytes.count) bytes") }
        let document: JSONPart
        do { document = try JSON(bytes).parts() } catch { throw failure(.garbled, "\(error)") }
        if document.isNull { throw failure(.throttled, "the answer is null") }
        guard let envelope = document[String(id)], let success = envelope["success"]?.flag else {
            throw failure(.changedLayout, "no “\(id)” with a “success”")
        }
        guard success else { throw failure(.gone, "the store does not show app \(id)") }
        guard let data = envelope["data"], data.members != nil else {
            throw failure(.changedLayout, "app \(id) has no “data”")
        }
        // An app may be merged into another, whose number stands here then.
        guard data["steam_appid"]?.wholeNumber != nil else {
            throw failure(.changedLayout, "app \(id) has no “steam_appid”")
        }
        func text(_ name: String, _ scalarsMax: Int) -> String {
            (data[name]?.string ?? "").tidied(scalarsMax: scalarsMax)
        }
        let (name, type, logo) = (text("name", 512), text("type", 64), text("header_image", 2048))
        guard !name.isEmpty else { throw failure(.changedLayout, "app \(id) has no “name”") }
        return StoreApp(
            id: id, name: name, type: type.isEmpty ? nil : type, logo: logo.isEmpty ? nil : logo,
            shortDescription: text("short_description", 4096),
            description: text("detailed_description", 256 << 10), genres: try genres(data["genres"], of: id))
    }

    /// A game may have none.
    private static func genres(_ part: JSONPart?, of id: Int64) throws(ParserFailure) -> [StoreApp.Genre] {
        guard let part, !part.isNull else { return [] }
        guard let list = part.parts else { throw failure(.changedLayout, "“genres” of app \(id) is no list") }
        var genres: [StoreApp.Genre] = []
        for part in list.prefix(genresMax) {
            guard let number = part["id"]?.wholeNumber, let name = part["description"]?.string else {
                throw failure(.changedLayout, "a genre of app \(id) without “id” or “description”")
            }
            let genre = StoreApp.Genre(id: number, name: name.tidied(scalarsMax: 128))
            if !genres.contains(where: { $0.id == genre.id }) { genres.append(genre) }
        }
        return genres
    }

    private static func failure(_ reason: ParserFailure.Reason, _ words: String) -> ParserFailure {
        ParserFailure(version, reason, words)
    }
}
