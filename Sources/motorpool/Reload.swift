internal import Front
internal import Jobs
internal import Platform

/// What SIGHUP asks for: the files are read again, and what is in them is taken when it has no fault.
///
/// One reload is under way at a time; a signal meanwhile leads to one more afterwards.
final class Reload: Sendable {
    /// What was read anew.
    struct News: Sendable {
        let settings: Settings
        /// `nil` for a command that reads none.
        let policies: Policies?
    }

    private struct State {
        var isRunning = false
        var isAskedAgain = false
    }

    private let call: Invocation
    private let log: Log
    private let take: @Sendable (News) async throws -> [String]
    private let state = Lock(State())

    /// - Parameter take: takes what has no fault, and answers a sentence for each change that needs another start. What
    ///   it throws is told, and then nothing was taken.
    private init(_ call: Invocation, _ log: Log, take: @escaping @Sendable (News) async throws -> [String]) {
        self.call = call
        self.log = log
        self.take = take
    }

    /// Reloads at every SIGHUP from now on; at once when there was one before.
    static func atHangUp(
        _ call: Invocation, _ log: Log, take: @escaping @Sendable (News) async throws -> [String]
    ) {
        let reload = Reload(call, log, take: take)
        call.shutdown.whenHungUp { reload.ask() }
    }

    private func ask() {
        let isFirst = state.withLock { state in
            if state.isRunning { state.isAskedAgain = true }
            defer { state.isRunning = true }
            return !state.isRunning
        }
        guard isFirst else { return }
        // Outlives the signal; ends with the last reload that was asked for.
        Task { await run() }
    }

    private func run() async {
        while true {
            await runOnce()
            let isOver = state.withLock { state in
                defer { state.isAskedAgain = false }
                state.isRunning = state.isAskedAgain
                return !state.isAskedAgain
            }
            if isOver { return }
        }
    }

    private func runOnce() async {
        do {
            let news = try await blocking("reload") { [call] in try Reload.read(call) }
            let later = try await take(news)
            let rest = later.isEmpty ? "" : "; this needs another start: \(later.joined(separator: "; "))"
            log.say(
                .info, "reloaded", "\(Reload.words(for: call.command)) are as their files say\(rest)",
                [("needs_restart", .array(later.map { .string($0) }))])
        } catch {
            let faults = Trouble(error, call.settings).lines
            log.say(
                .error, "reload_refused",
                "nothing was reloaded, and everything goes on as before: \(faults.joined(separator: "; "))",
                [("faults", .array(faults.map { .string($0) }))])
        }
    }

    /// - Throws: `ConfigurationFaults` with every fault.
    private static func read(_ call: Invocation) throws -> News {
        var fresh = call
        try fresh.readSettings()
        guard call.command.settings.contains(.policies) else {
            return News(settings: fresh.settings, policies: nil)
        }
        return News(settings: fresh.settings, policies: try Workplace.policies(fresh.settings))
    }

    private static func words(for command: any Command.Type) -> String {
        switch (command.settings.contains(.front), command.settings.contains(.policies)) {
        case (true, true): "tokens, policies and schedule"
        case (true, false): "tokens"
        default: "policies and schedule"
        }
    }
}
