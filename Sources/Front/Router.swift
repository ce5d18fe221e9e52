package import HTTPServer

/// Finds the route of a request.
package struct Router: Sendable {
    /// Every route there is, in the order of the documentation.
    package let routes: [Route]
    private let byLength: [Int: [Entry]]
    private let dialects: [String: Dialect]

    private struct Entry: Sendable {
        let segments: [Segment]
        let route: Route
    }

    private enum Segment: Sendable, Equatable {
        case word(String)
        case value(String)
    }

    package enum Match: Sendable {
        case found(Route, [String: String])
        /// The path is known, the method is not.
        case wrongMethod(Route, allowed: [Method])
        case unknown
    }

    /// Two routes with one method and one pattern are a programmer's error.
    package init(_ routes: [Route]) {
        self.routes = routes
        var dialects: [String: Dialect] = [:]
        for dialect in routes.compactMap(\.dialect) {
            for root in dialect.roots { dialects[root] = dialect }
        }
        self.dialects = dialects
        var seen = Set<String>()
        for route in routes {
            precondition(
                seen.insert("\(route.method.rawValue) \(route.pattern)").inserted, "twice: \(route.pattern)")
        }
        let entries = routes.map { route in
            Entry(segments: Router.pieces(of: route.pattern).map(Router.segment), route: route)
        }
        // Words before values, so that /jobs/known is asked before /jobs/{id}.
        byLength = Dictionary(grouping: entries) { $0.segments.count }.mapValues { entries in
            entries.sorted { Router.rank($0) < Router.rank($1) }
        }
    }

    /// - Parameter path: percent-encoded, as it was sent.
    package func match(_ method: Method, _ path: String) -> Match {
        var pieces: [String] = []
        for piece in Router.pieces(of: path) {
            guard let decoded = PercentText.decoded(piece, plusIsSpace: false) else { return .unknown }
            pieces.append(decoded)
        }
        var allowed: [Method] = []
        var other: Route?
        for entry in byLength[pieces.count] ?? [] {
            guard let values = Router.values(entry.segments, pieces) else { continue }
            let answered = entry.route.method
            if answered == method || answered == .get && method == .head {
                return .found(entry.route, values)
            }
            allowed.append(answered)
            if answered == .get { allowed.append(.head) }
            other = other ?? entry.route
        }
        return other.map { .wrongMethod($0, allowed: allowed + [.options]) } ?? .unknown
    }

    /// In which dialect a path is answered. `nil`: in the engine's.
    func dialect(of path: String) -> Dialect? {
        dialects.isEmpty ? nil : Router.pieces(of: path).first.flatMap { dialects[String($0)] }
    }

    /// Every method that is answered at this path.
    package func methods(at path: String) -> [Method] {
        // No route answers OPTIONS by itself.
        if case .wrongMethod(_, let allowed) = match(.options, path) { allowed } else { [] }
    }

    private static func pieces(of path: String) -> [Substring] {
        path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
    }

    private static func segment(_ piece: Substring) -> Segment {
        piece.hasPrefix("{") ? .value(String(piece.dropFirst().dropLast())) : .word(String(piece))
    }

    private static func rank(_ entry: Entry) -> String {
        String(entry.segments.map { if case .word = $0 { "0" } else { "1" } })
    }

    private static func values(_ segments: [Segment], _ pieces: [String]) -> [String: String]? {
        var values: [String: String] = [:]
        for (segment, piece) in zip(segments, pieces) {
            switch segment {
            case .word(let word): if word != piece { return nil }
            case .value(let name):
                if piece.isEmpty { return nil }
                values[name] = piece
            }
        }
        return values
    }
}
