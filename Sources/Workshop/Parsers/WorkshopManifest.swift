/// What steamcmd has noted of the items in an installation: `appworkshop_<app>.acf`.
package struct WorkshopManifest: Hashable, Sendable {
    package struct Item: Hashable, Sendable {
        /// In bytes.
        package let size: Int64
        /// Unix seconds.
        package let updated: Int64
    }

    package static let version = "workshop-manifest 1"

    package let app: Int64
    package let items: [Int64: Item]

    /// - Throws: `ParserFailure`
    package static func parse(_ bytes: [UInt8]) throws(ParserFailure) -> WorkshopManifest {
        let tree = try KeyValues.parse(bytes)
        guard let root = tree.branch("AppWorkshop") else { throw failure("no “AppWorkshop”") }
        guard let app = root.text("appid").flatMap({ Int64(digits: $0) }) else {
            throw failure("no “appid”")
        }
        guard let installed = root.branch("WorkshopItemsInstalled") else {
            throw failure("no “WorkshopItemsInstalled”")
        }
        var items: [Int64: Item] = [:]
        for entry in installed.entries {
            guard let id = Int64(digits: entry.name), case .branch(let branch) = entry.value,
                let size = branch.text("size").flatMap({ Int64(digits: $0) })
            else { throw failure("an installed item “\(entry.name.prefix(40))” without a size") }
            let updated = branch.text("timeupdated").flatMap { Int64(digits: $0) } ?? 0
            items[id] = Item(size: size, updated: updated)
        }
        return WorkshopManifest(app: app, items: items)
    }

    private static func failure(_ words: String) -> ParserFailure {
        ParserFailure(version, .changedLayout, words)
    }
}
