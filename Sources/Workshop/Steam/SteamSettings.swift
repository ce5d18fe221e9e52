package import Platform
internal import World

/// Where Steam is, and what may be used up for it.
package struct SteamSettings: Sendable {
    /// Addresses without a path. Others than Steam's own are the operator's word, and are believed wherever they lead.
    package var api = "https://api.steampowered.com"
    package var store = "https://store.steampowered.com"
    package var community = "https://steamcommunity.com"
    /// The path of an executable with steamcmd's command line. `nil`: only items with an address of their own.
    package var steamcmd: String?
    /// The path of an executable with the command line of `motorpool unpack`. `nil`: archives are refused, for nothing of
    /// a stranger's is unpacked in our own process.
    package var unpacker: String?
    /// Files and folders that `steamcmd` reads besides its own folder and the system's, a sandbox's for instance.
    package var steamcmdReads: [String] = []
    /// How programs in slots are kept in them.
    package var means = Confinement.Kernel.shared.means
    /// Where ZIPs and slots lie.
    package var folder: String
    /// Bytes of ZIPs that are kept; beyond it the mod that was asked for longest ago goes.
    package var diskBytesMax: Int64 = 50 << 30
    /// Bytes that stay free on the disk whatever the budget says.
    package var diskFreeMin: Int64 = 1 << 30
    /// How many bytes may still be written below a path.
    package var freeBytes: @Sendable (String) throws -> Int64 = { try Disk.freeBytes(at: $0) }
    /// A larger item is not fetched, in bytes; nor is an archive unpacked out of which more comes.
    package var itemBytesMax: Int64 = 20 << 30
    /// How long an item is tried once its turn has come, all tries together. While bytes are coming, it goes on.
    package var patience = Duration.seconds(45)
    /// How long a download may bring nothing.
    package var stallMax = Duration.seconds(20)
    /// Whether a sandbox stands in for Steam: its files lie on the machine itself then.
    package var isSandbox = false

    package init(folder: String) { self.folder = folder }

    /// The hosts that an item's own address may lead to, redirects included. The sandbox's is the only one with it.
    var fileHosts: [String] {
        guard isSandbox else {
            return [
                "*.steamusercontent.com", "steamuserimages-a.akamaihd.net", "*.steamcontent.com",
                "steamcommunity.com",
            ]
        }
        return [Self.host(of: api)]
    }

    /// What steamcmd connects to: web and names, and Steam's own ports. A sandbox's stand-in needs its port alone.
    var steamcmdPorts: [UInt16] {
        isSandbox ? [Self.port(of: api)] : [53, 80, 443] + Array(27_000...27_100)
    }

    private static func port(of address: String) -> UInt16 {
        let authority = address.firstRange(of: "://").map { address[$0.upperBound...] } ?? address[...]
        let digits = authority.prefix { $0 != "/" }.split(separator: ":").last.flatMap { UInt16($0) }
        return digits ?? (address.hasPrefix("https:") ? 443 : 80)
    }

    static func host(of address: String) -> String {
        let rest = address.firstRange(of: "://").map { address[$0.upperBound...] } ?? address[...]
        return String(rest.prefix { $0 != "/" && $0 != ":" })
    }
}
