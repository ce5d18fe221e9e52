internal import Platform
internal import Workshop

extension Setting {
    /// Where Steam is, and what may be used up for it.
    static let workshop: [Setting] = [
        base("STEAM_API", "Steam's Web API", \.steamSource.api),
        base("STEAM_STORE", "Steam's store", \.steamSource.store),
        base("STEAM_COMMUNITY", "Steam's item pages", \.steamSource.community),
        Setting(
            group: .workshop, variable: "MOTORPOOL_STEAMCMD",
            flag: Flag("--steamcmd", "FILE", "The executable of steamcmd (MOTORPOOL_STEAMCMD)"),
            expected: "the path of an executable"
        ) { text, it in
            it.steamSource.steamcmd = text
            return text.hasPrefix("/")
        },
        Setting(
            group: .workshop, variable: "MOTORPOOL_WORKSHOP",
            flag: Flag(
                "--workshop", "DIR",
                "Where mods lie, for workers and fronts alike (MOTORPOOL_WORKSHOP); default workshop in the state folder"
            ),
            expected: "a folder"
        ) { text, it in
            it.workshopFolder = text
            return true
        },
        size(
            "DISK_BUDGET", "What mods may fill; then the one asked for longest ago goes",
            \.steamSource.diskBytesMax),
        size("DISK_FREE", "What stays free on the disk of mods", \.steamSource.diskFreeMin),
        size("MOD_SIZE", "A larger mod is not fetched", \.steamSource.itemBytesMax),
        plain(
            .farm, "CONFINEMENT", "HOW", "How steamcmd and the unpacking of archives are kept in their slots",
            standard: Confinement.Demand.available.rawValue,
            expected: Confinement.Demand.allCases.map(\.rawValue).joined(separator: ", "), at: \.confinement,
            read: Confinement.Demand.init(rawValue:)),
        Setting(
            group: .workshop, variable: "MOTORPOOL_SANDBOX",
            flag: Flag(
                "--sandbox",
                "A sandbox stands in for Steam, all made up, on this machine (MOTORPOOL_SANDBOX=1)"),
            expected: "1 for a sandbox of its own, or the address of one that stands: http://127.0.0.1:8010"
        ) { text, it in
            it.steamSource.isSandbox = true
            it.startsSandbox = text == "1"
            if text == "1" { return true }
            (it.steamSource.api, it.steamSource.store, it.steamSource.community) = (text, text, text)
            return text.hasPrefix("http://") && !text.hasSuffix("/")
        },
    ]

    private static func base(
        _ name: String, _ help: String, _ path: any WritableKeyPath<Settings, String> & Sendable
    ) -> Setting {
        plain(
            .workshop, name, "URL", help, standard: Settings()[keyPath: path],
            expected: "an address like https://api.example.org, without a path", at: path
        ) { text in
            let isAddress = text.hasPrefix("http://") || text.hasPrefix("https://")
            return isAddress && !text.hasSuffix("/") ? text : nil
        }
    }

    private static func size(
        _ name: String, _ help: String, _ path: any WritableKeyPath<Settings, Int64> & Sendable
    ) -> Setting {
        plain(
            .workshop, name, "SIZE", help, standard: "\(Settings()[keyPath: path] >> 30)GiB",
            expected: "a size like 500MiB or 50GiB", at: path, read: bytes)
    }

    /// Reads `4096`, `500MiB`, `50GiB`, `2TiB`.
    private static func bytes(_ text: String) -> Int64? {
        let digits = text.prefix { $0.isNumber }
        let units = ["": 0, "KiB": 10, "MiB": 20, "GiB": 30, "TiB": 40]
        guard let number = Int64(digits: digits), let shift = units[String(text.dropFirst(digits.count))],
            number <= Int64.max >> Int64(shift)
        else { return nil }
        return number << Int64(shift)
    }
}
