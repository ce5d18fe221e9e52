package import Postgres

/// What Steam says of one Workshop item.
package struct SteamItem: Sendable, Hashable {
    package var id: Int64
    /// The application that it is for.
    package var game: Int64
    package var title: String
    package var description: String
    /// Bytes of all its files, unpacked.
    package var size: Int64
    /// Where its file lies when it is one that is fetched by plain HTTP; else empty.
    package var fileURL: String
    /// Empty: it has no picture.
    package var previewURL: String
    package var tags: [String]
    package var createdAt: PostgresTimestamp
    package var updatedAt: PostgresTimestamp

    package init(
        id: Int64, game: Int64, title: String, description: String, size: Int64, fileURL: String = "",
        previewURL: String = "", tags: [String] = [], createdAt: PostgresTimestamp,
        updatedAt: PostgresTimestamp
    ) {
        self.id = id
        self.game = game
        self.title = title
        self.description = description
        self.size = size
        self.fileURL = fileURL
        self.previewURL = previewURL
        self.tags = tags
        self.createdAt = createdAt
        self.updatedAt = updatedAt
    }
}

/// Steam's last word on an item, and how old it is.
package struct SteamWord: Sendable, Hashable {
    package let id: Int64
    /// By the database's clock, at the moment of the answer.
    package let age: Duration
    /// `nil`: there is no such item, or it is not public.
    package let item: SteamItem?
}
