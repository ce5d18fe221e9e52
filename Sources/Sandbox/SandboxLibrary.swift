/// What there is in the sandbox: three games and their mods, all made up.
package enum SandboxLibrary {
    package static let games: [SandboxGame] = [
        SandboxGame(
            id: 900_010, name: "Dune Couriers", genres: [(1, "Action"), (23, "Indie")],
            about: "Carry parcels over moving sand."),
        SandboxGame(
            id: 900_020, name: "Полустанок", genres: [(28, "Simulation"), (2, "Strategy")],
            about: "Маленькая станция, большие поезда."),
        SandboxGame(
            id: 900_030, name: "Orbit & <b>Anchor</b>", genres: [(28, "Simulation")],
            about: "A harbour above the clouds. Its name is written to annoy pages that don't escape."),
    ]

    /// Titles that have to survive file names, headers and pages.
    private static let titles = [
        "Ночной экспресс: «Полярная звезда» 100%", "Desert Lights", "Better Loading Screens",
        "<script>alert('mod')</script>", "\"Quoted\" & 'apostrophed'", "../../etc/passwd", "砂漠の地図",
        "Карта Нижнего посада", "Tabs\tand other\tblanks",
        "A name so long " + String(repeating: "that it goes on ", count: 12),
        "Robert'); DROP TABLE mods;--", "🚂 Steam pack", "Right-to-left \u{202e}gpj.exe", "Zero\u{200b}width",
        "Old Harbour", "Winter Timetable", "Signal Box", "Sandstorm Audio", "HD Dunes", "Parcel Rack",
        "Станция «Разъезд»", "Water Tower", "Night Shift", "Tiny Crane", "Anchor Chains", "Cloud Ferry",
        "Semaphore",
        "Dust Filter", "Map of Nowhere", "Lamp Post",
    ]

    package static let mods: [SandboxMod] =
        titles.enumerated().map(mod) + [large, legacy, legacyZip, legacyTar]

    package static func mod(_ id: Int64) -> SandboxMod? { mods.first { $0.id == id } }

    package static func game(_ id: Int64) -> SandboxGame? { games.first { $0.id == id } }

    /// The number of the first mod.
    package static let firstID: Int64 = 3_900_000_001

    private static func mod(_ number: Int, _ title: String) -> SandboxMod {
        let kilobytes = [3, 17, 64, 128, 5, 40]
        var files = (0..<(2 + number % 5)).map {
            SandboxMod.File(
                path: ["data/part\($0).bin", "readme\($0).txt", "тексты/глава \($0).txt"][$0 % 3],
                bytes: kilobytes[(number + $0) % 6] * 1000 + number)
        }
        files.append(SandboxMod.File(path: "empty.cfg", bytes: 0))
        var mod = SandboxMod(
            id: firstID + Int64(number), app: games[number % 3].id, title: title,
            description: "[b]\(title)[/b]\r\nMade up for the sandbox; it is mod number \(number + 1).\r\n"
                + String(repeating: "It says this more than once. ", count: number),
            tags: [["Map ", "Vehicle", "Sound"][number % 3], "Sandbox"], files: files)
        mod.screenshots = number % 4
        // Earlier ones, so that no circle comes about.
        if number % 3 == 2 { mod.dependencies = [firstID + Int64(number) - 1, firstID + Int64(number) - 2] }
        mod.created += Int64(number) * 86_400
        mod.updated += Int64(number) * 86_400
        return mod
    }

    /// Large enough for its progress to be watched.
    private static let large = SandboxMod(
        id: firstID + 100, app: 900_010, title: "The Whole Desert", description: "Twelve megabytes of sand.",
        tags: ["Map"], files: (0..<6).map { SandboxMod.File(path: "sand/dune\($0).dat", bytes: 2_000_000) })

    /// Of the old kind: one file by plain HTTP.
    private static let legacy = direct(
        200, "Old Carriage", "From the days before depots.", as: "carriage_legacy.bin",
        [SandboxMod.File(path: "carriage_legacy.bin", bytes: 300_000)])

    /// The same, of several files that their author packed. Its name does not tell.
    private static let legacyZip = direct(
        201, "Packed Carriage", "Its author made a ZIP of it.", as: "packed_legacy.bin", packed: .zip,
        [
            SandboxMod.File(path: "carriage/body.bin", bytes: 90_000),
            SandboxMod.File(path: "carriage/empty.cfg", bytes: 0),
            SandboxMod.File(path: "readme.txt", bytes: 4_000),
            SandboxMod.File(path: "тексты/вагон.txt", bytes: 26_000),
        ])

    /// And one whose author uses tar.
    private static let legacyTar = direct(
        202, "Rolled Carriage", "Its author made a tar of it.", as: "rolled_legacy", packed: .tarGzip,
        [
            SandboxMod.File(path: "carriage.bin", bytes: 70_000),
            SandboxMod.File(path: "sound/wheels.bin", bytes: 50_001),
        ])

    private static func direct(
        _ number: Int64, _ title: String, _ description: String, as name: String,
        packed packing: SandboxMod.Packing? = nil, _ files: [SandboxMod.File]
    ) -> SandboxMod {
        var mod = SandboxMod(
            id: firstID + number, app: 900_020, title: title, description: description, tags: ["Vehicle"],
            files: files)
        mod.directName = name
        mod.packing = packing
        return mod
    }
}
