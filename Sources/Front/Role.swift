/// What a caller may do. A route names the least role that it needs.
package enum Role: String, Sendable, CaseIterable {
    /// No token is needed.
    case anyone
    /// Sees jobs and conditions.
    case reader
    /// Asks for jobs and cancels them, besides reading.
    case producer
    /// Runs the farm: everything but money.
    case `operator`
    /// Moves money, and nothing else: it stands beside the others, not above them.
    case money

    /// Whether a caller of this role may use a route that needs `needed`.
    package func suffices(for needed: Role) -> Bool {
        switch (self, needed) {
        case (_, .anyone), (.money, .money): true
        case (.money, _), (_, .money): false
        default: rank >= needed.rank
        }
    }

    private var rank: Int {
        switch self {
        case .anyone: 0
        case .reader: 1
        case .producer: 2
        case .operator: 3
        case .money: -1
        }
    }
}
