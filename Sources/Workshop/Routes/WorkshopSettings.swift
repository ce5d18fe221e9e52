/// What the routes of Open Workshop are told from outside, and their bounds.
package struct WorkshopSettings: Sendable {
    /// Where the ZIPs lie, as `Storehouse` keeps them. Workers and fronts share it.
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

    /// Reads of the catalogue at once: half of the front's connections, so that slow ones leave the others to the queue.
    package var readsMax = 8
    /// How long a read of the catalogue waits for its turn.
    package var readWaitMax = Duration.milliseconds(1500)
    /// A read of the catalogue that takes longer is ended.
    package var readLimit = Duration.seconds(1)

    package init(folder: String) { self.folder = folder }

    package func path(of mod: Int64, _ file: PublishedFile) -> String {
        Storehouse(folder).path(of: mod, file)
    }

    package var modsFolder: String { folder + "/mods" }
}
