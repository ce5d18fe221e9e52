package import World

/// Why Steam did not tell or give what it was asked for.
package enum SteamFailure: Error, Sendable, CustomStringConvertible {
    /// Nobody asks the source now, because it wanted so.
    case resting(SteamSource, SteamRest)
    /// It answered with a status that is no answer.
    case refused(SteamSource, status: Int)
    case unreachable(SteamSource, WebError)
    case unreadable(ParserFailure)
    /// There is no such thing, or not for us.
    case gone(String)
    case steamcmd(SteamcmdFailure)
    case unpacking(UnpackFailure)
    /// The bytes that came are not those that were announced.
    case wrongSize(expected: Int64, found: Int64)
    case disk(String)
    /// What came holds something that is no plain file.
    case hostile(String)

    package var description: String {
        switch self {
        case .resting(let source, let rest): "\(source.rawValue) rests until \(rest.endText): \(rest.why)"
        case .refused(let source, let status): "\(source.rawValue) answered \(status)"
        case .unreachable(let source, let error): "\(source.rawValue): \(error)"
        case .unreadable(let failure): "\(failure)"
        case .gone(let words): words
        case .steamcmd(let failure): "\(failure)"
        case .unpacking(let failure): "\(failure)"
        case .wrongSize(let expected, let found):
            "the files have \(found) bytes, and Steam announced \(expected)"
        case .disk(let words): "this machine's disk: \(words)"
        case .hostile(let words): "what came is refused: \(words)"
        }
    }

    /// Asking again may go better within a minute.
    var isTransient: Bool {
        switch self {
        case .refused(_, let status): status >= 500
        case .unreachable(_, let error): error.isTransient
        case .unreadable(let failure): failure.reason == .garbled
        default: false
        }
    }
}

/// Whom we ask; the names under which budgets and rests are kept.
package enum SteamSource: String, Sendable {
    case api = "api.steampowered.com"
    case store = "store.steampowered.com"
    case community = "steamcommunity.com"
    case files = "steamusercontent.com"
    case steamcmd

    /// How long it is left alone when it says that it was asked too much, at first and at most.
    var rest: (first: Duration, max: Duration) {
        switch self {
        case .api: (.seconds(60), .seconds(6 * 3600))
        case .store: (.seconds(300), .seconds(6 * 3600))
        case .community: (.seconds(600), .seconds(6 * 3600))
        case .files: (.seconds(60), .seconds(3600))
        case .steamcmd: (.seconds(1800), .seconds(12 * 3600))
        }
    }
}
