internal import HTTPServer
internal import Store

extension DeskPage {
    /// Addresses the page to whoever asked: their name, what they just did, and whether it looks again by itself.
    mutating func addressed(to exchange: DeskExchange) async throws {
        visitor = try await exchange.visitor()
        flash = nil
        if let sealed = try exchange.query.one("flash"), let code = try await exchange.desk.unseal(sealed) {
            flash = DeskPage.flash(code)
        }
        let isOn = try exchange.query.one("refresh") != nil
        let segments = exchange.request.path.split(separator: "/").dropFirst().map {
            PercentText.decoded($0, plusIsSpace: false) ?? ""
        }
        let rest = exchange.query.pairs.filter { $0.name != "flash" && $0.name != "refresh" }.map {
            ($0.name, Optional($0.value))
        }
        refresh = Refresh(
            isOn: isOn, other: DeskPath(segments, query: rest + (isOn ? [] : [("refresh", "on")])))
    }

    /// Only words of ours: an address can't put others into the page.
    private static func flash(_ code: String) -> String? {
        let parts = code.split(separator: ".")
        switch parts.first {
        case "nothing": return "Nothing was changed: it had been done or gone on before."
        case "paused": return "Paused. What runs goes on; nothing more is claimed."
        case "line-paused": return "Paused. Its slots pass, each told as skipped."
        case "resumed": return "Resumed."
        case "session-ended": return "Ended. The next page that it asks for is the one to log in."
        case "queued": return "Asked for a job now."
        default:
            guard parts.count == 2, let count = Int(parts[1]), count >= 0 else { return nil }
            return JobAction(rawValue: String(parts[0]))?.past(count)
        }
    }
}
