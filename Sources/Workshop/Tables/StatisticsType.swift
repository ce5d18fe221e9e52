/// What is counted. Raw values stand in the tables and in answers.
package enum StatisticsType: String, Sendable, Hashable, CaseIterable {
    case downloadSteam = "/download/steam/"
    case download = "/download/"
    case updateSteam = "/update/steam/"
    case listMods = "/list/mods/"
    case listGames = "/list/games/"
    case listTags = "/list/tags/"
    case listTagsMods = "/list/tags/mods/"
    case listGenres = "/list/genres/"
    case listGenresGames = "/list/genres/games/"
    case listResourcesMods = "/list/resources_mods/"
    case infoMod = "/info/mod/"
    case infoGame = "/info/game/"
    case infoQueueSize = "/info/queue/size/"
    case conditionMod = "/condition/mod/"
    case statisticsDelay = "/statistics/delay/"
    case statisticsHour = "/statistics/hour/"
    case statisticsDay = "/statistics/day/"
    case statisticsInfoAll = "/statistics/info/all/"
    case statisticsTypeMap = "/statistics/info/type_map/"
    case root = "/"
    /// A server process started.
    case start
    /// A ZIP was sent.
    case filesSent = "files_sent"
    /// A file was asked for that is not here.
    case modNotFoundLocal = "mod_not_found_local"
    /// A mod's file was missing or broken.
    case damagedMod = "damaged_mod"
    /// A newer version of a mod that is here was sent for.
    case updatingMod = "updating_mod"
    /// A download ended well.
    case downloadOK = "download_from_steam_ok"
    /// A download failed for good.
    case downloadError = "download_from_steam_error"
}
