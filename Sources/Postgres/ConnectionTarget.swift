internal import CPostgres

/// The parameters for one host, ready for `PQconnectStartParams`.
///
/// Hosts are taken apart here rather than by libpq, because its non-blocking connect knows no time limit for a host: a
/// first host that swallows packets would keep the second from ever being tried.
struct ConnectionTarget {
    /// Keywords and values.
    let parameters: [(keyword: String, value: String)]
    /// The host as it is named in messages.
    let place: String

    /// - Throws: `PostgresError.cannotConnect` when the URL cannot be read.
    static func all(in settings: ConnectionSettings) throws -> [ConnectionTarget] {
        var given = try parse(settings.url)
        let hosts = split(given.removeValue(forKey: "host"))
        let addresses = split(given.removeValue(forKey: "hostaddr"))
        let ports = split(given.removeValue(forKey: "port"))
        let count = max(hosts.count, addresses.count, 1)
        if count > 1, given["target_session_attrs"] == nil { given["target_session_attrs"] = "read-write" }
        let common = completed(given, settings)
        return (0..<count).map { index in
            var own = common
            own["host"] = hosts.element(index)
            own["hostaddr"] = addresses.element(index)
            own["port"] = ports.count == 1 ? ports[0] : ports.element(index)
            let place = "\(own["host"] ?? own["hostaddr"] ?? "default host"):\(own["port"] ?? "default port")"
            return ConnectionTarget(parameters: own.map { ($0.key, $0.value) }, place: place)
        }
    }

    private static func split(_ list: String?) -> [String] {
        guard let list, !list.isEmpty else { return [] }
        return list.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }

    static func parse(_ url: String) throws -> [String: String] {
        guard let options = PQconninfoParse(url, nil) else {
            // libpq's own words may quote the text, and the text may hold a password.
            throw PostgresError.cannotConnect(
                "the address is neither a postgres:// URI nor keyword=value text")
        }
        defer { PQconninfoFree(options) }
        var given: [String: String] = [:]
        var option = options
        while let keyword = option.pointee.keyword {
            if let value = option.pointee.val { given[String(cString: keyword)] = String(cString: value) }
            option += 1
        }
        return given
    }

    /// Adds what every connection of ours has.
    ///
    /// What the URL says wins, but for the name of the application.
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
        // Later options win, so the URL's come last.
        all["options"] = given["options"].map { "\(timeouts) \($0)" } ?? timeouts
        return all
    }
}

extension [String] {
    fileprivate func element(_ index: Int) -> String? {
        guard indices.contains(index), !self[index].isEmpty else { return nil }
        return self[index]
    }
}
