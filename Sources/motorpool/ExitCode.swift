internal import Glibc

/// How a command ended, for scripts.
enum ExitCode: Int32, Sendable, CaseIterable {
    case ok = 0
    case failed = 1
    case configuration = 2
    case usage = 64
    case unavailable = 69
    case wornOut = 70
    case temporary = 75

    /// What the code tells, for the help.
    var meaning: String {
        switch self {
        case .ok: "it is done"
        case .failed:
            "it was understood and did not go well: a job is unknown, died or was cancelled, a check found faults"
        case .configuration: "the configuration or the schema has faults; each is listed"
        case .usage: "the command line was not understood"
        case .unavailable: "the database, or the farm of --url, can't be reached; or the port is taken"
        case .wornOut:
            "it ended by itself because runs don't end: too many lanes are lost, or every thread is blocked; start it anew"
        case .temporary:
            """
            the time of --wait ran out, and the job goes on; the farm of --url wants to be asked later; or another \
            transaction holds what was named
            """
        }
    }
}
