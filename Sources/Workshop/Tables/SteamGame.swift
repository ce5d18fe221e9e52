/// What the store says of one application.
package struct SteamGame: Sendable, Hashable {
    package struct Genre: Sendable, Hashable {
        package var id: Int64
        package var name: String

        package init(id: Int64, name: String) {
            self.id = id
            self.name = name
        }
    }

    package var id: Int64
    package var name: String
    /// `game` or `app`, in the store's own words.
    package var type: String
    /// The address of its header picture.
    package var logo: String
    package var shortDescription: String
    package var description: String
    package var genres: [Genre]

    package init(
        id: Int64, name: String, type: String, logo: String, shortDescription: String, description: String,
        genres: [Genre]
    ) {
        self.id = id
        self.name = name
        self.type = type
        self.logo = logo
        self.shortDescription = shortDescription
        self.description = description
        self.genres = genres
    }
}

/// What an item's page says that nothing else says.
package struct SteamPage: Sendable, Hashable {
    /// The mods that it needs, in the page's order.
    package var dependencies: [Int64]
    /// Addresses, in the page's order.
    package var screenshots: [String]
    /// The address of its main picture. Empty: it has none.
    package var logo: String
    /// Of the parser.
    package var version: Int32
    /// Of the page's bytes; 32 bytes.
    package var sha256: [UInt8]

    package init(dependencies: [Int64], screenshots: [String], logo: String, version: Int32, sha256: [UInt8])
    {
        self.dependencies = dependencies
        self.screenshots = screenshots
        self.logo = logo
        self.version = version
        self.sha256 = sha256
    }
}
