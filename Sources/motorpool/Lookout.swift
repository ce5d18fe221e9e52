internal import Jobs
internal import Workshop

/// Looks once, at the start, whether mods can be fetched from here, and says so when not.
enum Lookout {
    static func tell(_ settings: SteamSettings, _ log: Log) async {
        guard !settings.isSandbox else { return }
        if settings.steamcmd == nil {
            log.say(
                .warning, "no_steamcmd",
                "no steamcmd is set (MOTORPOOL_STEAMCMD): only mods with an address of their own can be fetched"
            )
        }
        guard let why = await SteamClient.whyUnreachable(settings), !Task.isCancelled else { return }
        log.say(
            .warning, "no_steam",
            "Steam does not answer from here (\(why)), so no mod can be fetched. Without internet, try --sandbox: it "
                + "stands in for Steam on this machine")
    }
}
