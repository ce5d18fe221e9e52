internal import Farm
internal import Front
internal import Glibc
internal import HTTPServer
internal import Jobs
internal import Platform
internal import Postgres
internal import Store
internal import Workshop

/// Everything that this process was told, read once.
///
/// A default stands here only where no room below has one.
struct Settings: Sendable {
    /// `nil`: the private server of the state folder.
    var database: String?
    var isPooled = false
    /// For the doctor: a server that takes no writes is looked at, too.
    var acceptsAnyServer = false
    /// A farm that is asked over HTTP instead.
    var remote = RemoteSettings()
    var state = StateFolder.standard()
    var jobs = JobsFolder.standard()
    /// The kinds that are known here; `nil`: all.
    var kinds: Set<String>?
    /// Whether the trial kinds are known here.
    var hasTrialKinds = false
    /// Where the trial kind `effect` writes its lines.
    var trialLedger: String?
    /// The file of the schedule, when one was named.
    var scheduler: String?
    /// Whether this process fires the slots of the schedule.
    var firesSchedule = true
    var connectionsMax = Store.connectionsMaxDefault
    /// How programs of strangers are kept in their slots.
    var confinement = Confinement.Demand.available
    /// How the farm runs; its definitions are read later.
    var farm = FarmSettings(name: Settings.processName, definitions: Definitions([]))

    /// Where the front listens, and how much it takes.
    var http = HTTPSettings()
    var front = FrontSettings()
    var frontConnectionsMax = 6
    /// What callers without a token may do; `nil`: nothing, unless no token is configured and only this machine is served.
    var anonymous: Role?
    /// Where Steam is. Its folder is told by `steam`.
    var steamSource = SteamSettings(folder: "")
    /// Where mods lie; `nil`: in the state folder.
    var workshopFolder: String?
    /// Whether to start a sandbox in the place of Steam.
    var startsSandbox = false
    /// `nil`: sentences on a terminal, JSON elsewhere.
    var logsText: Bool?
    var logsEveryRequest = true

    /// Where the queue is.
    var connection: ConnectionSettings {
        var connection = ConnectionSettings(url: database ?? PrivateServer.url(in: state), pooled: isPooled)
        connection.acceptsAnyServer = acceptsAnyServer
        return connection
    }

    /// The same for migrations: with a private server the role that owns the tables, which the farm's does not.
    var ownerConnection: ConnectionSettings {
        ConnectionSettings(url: database ?? PrivateServer.ownerURL(in: state), pooled: isPooled)
    }

    var steam: SteamSettings {
        var steam = steamSource
        steam.folder = workshopFolder ?? state + "/workshop"
        return steam
    }

    /// The database for people, without secrets.
    var databaseWords: String {
        database == nil ? "the private server in \(state)" : "the database of DATABASE_URL"
    }

    private static var processName: String {
        var bytes = [CChar](repeating: 0, count: 256)
        let host = gethostname(&bytes, 255) == 0 ? String(cString: &bytes) : "localhost"
        return "\(host):\(getpid())"
    }

    /// Reads the settings of `groups`, flags before variables.
    /// - Throws: `ConfigurationFaults` with every fault.
    static func read(
        _ groups: Set<Setting.Group>, flags: [String: String], switches: Set<String>
    ) throws -> Settings {
        var settings = Settings()
        var faults: [Fault] = []
        for setting in Setting.all where groups.contains(setting.group) {
            guard let (source, text) = setting.given(flags, switches) else { continue }
            if !setting.read(text, &settings) {
                // An address may hold a password, so it is never quoted.
                let found = setting.isSecret ? "" : ", found “\(text)”"
                faults.append(Fault(file: source, message: "expected \(setting.expected)\(found)"))
            }
        }
        guard faults.isEmpty else { throw ConfigurationFaults(faults: faults) }
        return settings
    }
}

/// What has to be mended before anything can start.
struct ConfigurationFaults: Error {
    let faults: [Fault]
}
