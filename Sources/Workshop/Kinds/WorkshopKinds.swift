package import Farm
package import Postgres

/// The kinds that serve Open Workshop. Each has its `jobs/<kind>.conf`.
package struct WorkshopKinds: Sendable {
    /// What every kind works with.
    struct Desk: Sendable {
        let settings: SteamSettings
        let catalogue: Catalogue
        let client: SteamClient
        let storehouse: Storehouse

        var room: StorehouseRoom {
            StorehouseRoom(settings: settings, catalogue: catalogue, storehouse: storehouse)
        }
    }

    private let desk: Desk

    /// The kind that fetches mods.
    package static let download = SteamDownload.name

    package static let names = [
        SteamDetails.name, SteamDownload.name, ReadPage.name, RegisterGame.name, SteamCheck.name,
        WorkshopUpkeep.name,
    ]

    /// - Parameter database: the farm's own pool.
    package init(_ database: Database, _ settings: SteamSettings) {
        let catalogue = Catalogue(database)
        let storehouse = Storehouse(settings.folder)
        desk = Desk(
            settings: settings, catalogue: catalogue, client: SteamClient(settings, catalogue),
            storehouse: storehouse)
    }

    package var all: [AnyKind] {
        [
            AnyKind(SteamDetails(desk: desk)), AnyKind(SteamDownload(desk: desk)),
            AnyKind(ReadPage(desk: desk)),
            AnyKind(RegisterGame(desk: desk)), AnyKind(SteamCheck(desk: desk)),
            AnyKind(WorkshopUpkeep(desk: desk)),
        ]
    }

    /// To be called when no run is left.
    package func close() async { await desk.client.close() }
}

/// What kinds about one item, or one game, are told.
struct NumberArgs: Decodable, Sendable {
    var id: Int64
}
