internal import Postgres

extension ItemDetails {
    /// As the catalogue keeps it; `nil` for an item that its owner or Steam shows to nobody else.
    var item: SteamItem? {
        guard isPublic, !isBanned else { return nil }
        return SteamItem(
            id: id, game: app, title: title, description: description, size: size, fileURL: address ?? "",
            previewURL: preview ?? "", tags: tags,
            createdAt: PostgresTimestamp(microseconds: created * 1_000_000),
            updatedAt: PostgresTimestamp(microseconds: updated * 1_000_000))
    }
}
