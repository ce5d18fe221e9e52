internal import Glibc

/// The parameters for one host, ready for `PQconnectStartParams`.
///
/// Hosts are taken apart here rather than by libpq, because its non-blocking connect knows no time limit for a host: a
/// first host that swallows packets would keep the second from ever being tried.
struct ConnectionTarget {
    /// Keywords and values.
    let parameters: [(keyword: String, value: String)]
    /// The host as it is named in messages.
    let place: String
    /// A session that takes no writes is refused. A single host is judged like one of several: its address may lead to
    /// another server tomorrow.
    let needsWrites: Bool
    /// The way to it does not leave this machine.
    let isThisMachine: Bool
    /// The server's certificate is verified because nothing said otherwise.
    let verifiesByDefault: Bool

    /// - Throws: `PostgresError.badAddress` when the URL cannot be read.
    static func all(in settings: ConnectionSettings) throws -> [ConnectionTarget] {
        var given = try DatabaseAddress.parse(settings.url)
        let hosts = split(given.removeValue(forKey: "host"))
        let addresses = split(given.removeValue(forKey: "hostaddr"))
        let ports = split(given.removeValue(forKey: "port"))
        let count = max(hosts.count, addresses.count, 1)
        let wish = given["target_session_attrs"]
        let wantsWrites = wish == nil || wish == "read-write" || wish == "primary"
        // Judged here and not by libpq, which has one sentence for every refusal.
        if wish == "read-write" { given["target_session_attrs"] = nil }
        let common = completed(given, settings)
        // A service file may choose as well, and what is passed to libpq would win over it.
        let isProtectionChosen =
            given["sslmode"] != nil || given["requiressl"] != nil || given["service"] != nil
            || ["PGSSLMODE", "PGREQUIRESSL", "PGSERVICE"].contains { variable($0) != nil }
        return (0..<count).map { index in
            var own = common
            own["host"] = hosts.element(index)
            own["hostaddr"] = addresses.element(index)
            own["port"] = ports.count == 1 ? ports[0] : ports.element(index)
            let isHere = isThisMachine(own["host"], own["hostaddr"])
            let isVerified = !isProtectionChosen && !isHere
            if isVerified { own["sslmode"] = "verify-full" }
            let place = "\(own["host"] ?? own["hostaddr"] ?? "default host"):\(own["port"] ?? "default port")"
            return ConnectionTarget(
                parameters: own.map { ($0.key, $0.value) }, place: place,
                needsWrites: wantsWrites && (count > 1 || !settings.acceptsAnyServer),
                isThisMachine: isHere, verifiesByDefault: isVerified)
        }
    }

    /// Whether a server is reached without leaving this machine: by a socket's path, a loopback address or `localhost`.
    /// A name may lead anywhere tomorrow.
    private static func isThisMachine(_ host: String?, _ address: String?) -> Bool {
        // As libpq has it for what the address does not say.
        let host = host ?? (address == nil ? variable("PGHOST") : nil)
        let address = address ?? variable("PGHOSTADDR")
        return [host, address].allSatisfy { $0.map(isHere) ?? true }
    }

    private static func isHere(_ place: String) -> Bool {
        if place.isEmpty || place.hasPrefix("/") || place.hasPrefix("@") { return true }
        if ["localhost", "localhost.localdomain", "ip6-localhost"].contains(place.lowercased()) {
            return true
        }
        var four = in_addr()
        if inet_pton(AF_INET, place, &four) == 1 { return UInt32(bigEndian: four.s_addr) >> 24 == 127 }
        var six = in6_addr()
        guard inet_pton(AF_INET6, place, &six) == 1 else { return false }
        return withUnsafeBytes(of: &six) { Array($0) == [UInt8](repeating: 0, count: 15) + [1] }
    }

    private static func variable(_ name: String) -> String? {
        guard let value = getenv(name), value.pointee != 0 else { return nil }
        return String(cString: value)
    }

    private static func split(_ list: String?) -> [String] {
        guard let list, !list.isEmpty else { return [] }
        return list.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }

    /// Adds what every connection of ours has.
    ///
    /// What the URL says wins, but for the name of the application and what our statements rely on.
    private static func completed(_ given: [String: String], _ settings: ConnectionSettings) -> [String:
        String]
    {
        let house = [
            "keepalives": "1", "keepalives_idle": "10", "keepalives_interval": "5", "keepalives_count": "3",
            "tcp_user_timeout": "15000", "client_encoding": "UTF8",
        ]
        var all = given.merging(house) { given, _ in given }
        all["application_name"] = settings.applicationName
        guard !settings.pooled else { return all }
        let timeouts =
            "-c statement_timeout=\(settings.statementTimeout.milliseconds)"
            + " -c lock_timeout=\(settings.lockTimeout.milliseconds)"
        // Later options win, and all of them win over what is set for the role or the database.
        all["options"] = [timeouts, given["options"], needed].compactMap { $0 }.joined(separator: " ")
        return all
    }

    /// What statements of ours rely on. They lock rows, wait, and look again at what others have committed meanwhile: under
    /// REPEATABLE READ and SERIALIZABLE they would not see it, or fail. A transaction that stands idle for a minute is a
    /// fault, but one that thinks for a second is none.
    private static let needed =
        #"-c default_transaction_isolation=read\ committed -c idle_in_transaction_session_timeout=60s"#
}

extension [String] {
    fileprivate func element(_ index: Int) -> String? {
        guard indices.contains(index), !self[index].isEmpty else { return nil }
        return self[index]
    }
}
