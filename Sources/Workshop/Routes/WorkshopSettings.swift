/// What the routes of Open Workshop are told from outside, and their bounds.
package struct WorkshopSettings: Sendable {
    /// Where the ZIPs lie: `<folder>/mods/`. Workers and fronts share it.
    package var folder: String
    /// A copy that was compared with Steam's version less than this ago is sent without asking.
    package var copyIsFresh = Duration.seconds(600)
    /// What Steam said of an item that is not here is believed for so long.
    package var wordIsFresh = Duration.seconds(60)
    /// How long a request waits for Steam's word.
    package var lookUpWait = Duration.seconds(5)
    /// `/update/steam/` asks Steam again only this long after the mod was last asked for.
    package var updateEvery = Duration.seconds(3 * 3600)
    /// After a failed download the next one is put off by so long, twice as long after the second, and so on.
    package var retryPause = Duration.seconds(10)
    package var retryPauseMax = Duration.seconds(600)
    /// Which mods are busy is asked of the database at most so often.
    package var busySpan = Duration.seconds(1)

    package init(folder: String) { self.folder = folder }

    /// Where a copy of a mod lies. Its name holds the beginning of its digest, so that a newer copy never disturbs who is
    /// reading the older one, and the row says which one counts.
    package func path(of mod: Int64, _ file: PublishedFile) -> String {
        "\(modsFolder)/\(mod)-\(PublishedFile.hexadecimal(file.sha256.prefix(8))).zip"
    }

    package var modsFolder: String { folder + "/mods" }
}
