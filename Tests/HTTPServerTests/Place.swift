import HTTPServer
import TestSupport

// Each server has two threads, and each waiting client one.
private let turnstile = Turnstile(6)

/// A server on a free port of the loopback, for as long as the body runs.
func withServer<T: Sendable>(
    _ change: (inout HTTPSettings) -> Void = { _ in },
    handler: @escaping @Sendable (Request) async -> Response = echo,
    _ body: @Sendable (BoundAddress, HTTPServer) async throws -> T
) async throws -> T {
    var settings = HTTPSettings()
    settings.port = 0
    settings.loops = 2
    settings.connectionsPerAddressMax = 1_000
    change(&settings)
    let server = HTTPServer(settings: settings, handler: handler)
    return try await turnstile.pass {
        let address = try server.start()
        do {
            let result = try await body(address, server)
            await server.drain(within: .zero)
            return result
        } catch {
            await server.drain(within: .zero)
            throw error
        }
    }
}

/// Answers with the method, the target and the body.
@Sendable func echo(_ request: Request) async -> Response {
    do throws(BodyError) {
        let body = try await request.body(upTo: 1 << 20)
        let line = "\(request.method.rawValue) \(request.path)\(request.query.map { "?" + $0 } ?? "")\n"
        return Response(
            200, headers: ["Content-Type": "text/plain"], content: .bytes(Array(line.utf8) + body))
    } catch {
        return error.response
    }
}
