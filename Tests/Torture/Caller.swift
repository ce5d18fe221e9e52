import World

/// Asks whoever answers HTTP on this machine.
final class Caller: Sendable {
    private let web: Web

    init() {
        var settings = WebSettings()
        settings.userAgent = "torture"
        settings.reach = .anywhere
        settings.hostConnectionsMax = 64
        web = Web(settings: settings)
    }

    /// - Throws: `WebError` when there was no whole answer within half a minute. Any status is an answer.
    func ask(_ address: String, _ method: WebRequest.Method = .get) async throws -> WebAnswer {
        var request = WebRequest(address)
        request.method = method
        request.bytesMax = 64 << 20
        request.bytesPerSecondMin = 0
        return try await web.fetch(request)
    }

    func close() async { await web.close() }
}
