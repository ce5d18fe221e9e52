/// What holds for every request of one ``Web``.
package struct WebSettings: Sendable {
    /// Where requests may go. Judged by the address that a socket is really connected to, on every hop.
    package enum Reach: Sendable {
        /// Public addresses on `publicPorts`, and besides those these, on any port that they name.
        case publicInternet(besides: [NetworkRange] = [])
        /// Wherever the caller says: for addresses that an operator typed.
        case anywhere
    }

    package var userAgent = "Motorpool"
    package var reach = Reach.publicInternet()
    package var publicPorts: Set<Int> = [80, 443]
    /// Transfers at one time; more wait their turn.
    package var connectionsMax = 128
    /// Transfers at one time to one host and port.
    package var hostConnectionsMax = 8
    /// Requests that wait for a connection; more are refused as `busy`.
    package var waitingMax = 10_000
    /// Answers in the place of DNS, asked for each hop: addresses, or `nil` for what DNS says. For tests and sandboxes.
    package var resolve: (@Sendable (_ host: String, _ port: Int) -> [String]?)?

    package init() {}

    /// Whether a socket may be connected there.
    func allows(_ address: NetworkAddress, port: Int) -> Bool {
        switch reach {
        case .anywhere: return true
        case .publicInternet(let others):
            if others.contains(where: { $0.contains(address, port: port) }) { return true }
            return address.isPublic && publicPorts.contains(port)
        }
    }
}
