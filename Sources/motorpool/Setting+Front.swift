internal import Front
internal import Glibc
internal import HTTPServer
internal import Jobs

extension Setting {
    /// Where the front listens, whom it knows, and how much it takes.
    static let front: [Setting] = [
        Setting(
            group: .front, variable: "MOTORPOOL_HOST",
            flag: Flag(
                "--host", "ADDRESS",
                "Where the front listens (MOTORPOOL_HOST); default \(HTTPSettings().host)"),
            expected: "a literal address of this machine, or the path of a unix socket"
        ) { text, it in
            it.http.host = text
            return IPAddress(text) != nil || text.hasPrefix("/")
        },
        Setting(
            group: .front, variable: "MOTORPOOL_PORT",
            flag: Flag(
                "--port", "PORT", "Its port (MOTORPOOL_PORT), 0 for any; default \(HTTPSettings().port)"),
            expected: "a port from 0 to 65535"
        ) { text, it in
            guard let port = UInt16(text) else { return false }
            it.http.port = port
            return true
        },
        Setting(
            group: .front, variable: "MOTORPOOL_TOKENS", flag: nil,
            expected: "name:role:digest, by commas or spaces, as motorpool token new prints them",
            isSecret: true,
            read: readTokens),
        Setting(
            group: .front, variable: "MOTORPOOL_TOKENS_FILE",
            flag: Flag(
                "--tokens-file", "FILE",
                "A file of tokens, one a line (MOTORPOOL_TOKENS_FILE), beside MOTORPOOL_TOKENS"),
            expected:
                "a file that can be read, with lines name:role:digest as motorpool token new prints them"
        ) { path, it in
            guard let text = try? TextFile.read(path, bytesMax: 1 << 20) else { return false }
            let lines = text.split(whereSeparator: \.isNewline).map { $0.prefix { $0 != "#" } }
            return readTokens(lines.joined(separator: " "), &it)
        },
        Setting(
            group: .front, variable: "MOTORPOOL_ANONYMOUS",
            flag: Flag(
                "--anonymous", "ROLE",
                "What callers without a token may do (MOTORPOOL_ANONYMOUS): anyone, reader or producer"),
            expected: "anyone, reader or producer"
        ) { text, it in
            it.anonymous = Role(rawValue: text)
            return [.anyone, .reader, .producer].contains(it.anonymous)
        },
        Setting(
            group: .front, variable: "MOTORPOOL_TRUST_LOCAL",
            flag: Flag(
                "--trust-local",
                "Let every program of this machine enqueue jobs without a token (MOTORPOOL_TRUST_LOCAL=1); never behind a proxy"
            ),
            expected: "1 or 0"
        ) { text, it in
            it.front.trustsLoopback = text == "1"
            return text == "1" || text == "0"
        },
        Setting(
            group: .front, variable: "MOTORPOOL_LOCAL_USERS",
            flag: Flag(
                "--local-users", "LIST",
                "Users who may enqueue jobs over the unix socket without a token, by number (MOTORPOOL_LOCAL_USERS); default the front's own and root"
            ),
            expected: "numbers of users, separated by commas"
        ) { text, it in
            let words = text.split { $0 == "," || $0 == " " }
            it.front.localUsers = Set(words.compactMap { UInt32($0) })
            return !words.isEmpty && it.front.localUsers.count == Set(words).count
        },
        Setting(
            group: .front, variable: "MOTORPOOL_SOCKET_MODE",
            flag: Flag(
                "--socket-mode", "MODE",
                "Who may connect to the unix socket, as chmod has it (MOTORPOOL_SOCKET_MODE); default 600"),
            expected: "three octal digits like 660"
        ) { text, it in
            it.http.socketMode = mode_t(text, radix: 8) ?? 0
            return text.count == 3 && it.http.socketMode > 0
        },
        Setting(
            group: .front, variable: "MOTORPOOL_TRUSTED_PROXIES",
            flag: Flag(
                "--trusted-proxies", "LIST",
                "Proxies whose X-Forwarded-For is believed: addresses, ranges, or unix for the socket (MOTORPOOL_TRUSTED_PROXIES)"
            ),
            expected: "addresses, ranges like 10.0.0.0/8, or unix, separated by commas"
        ) { text, it in
            var words = text.split { $0 == "," || $0 == " " }
            it.front.trustsUnixProxy = words.contains("unix")
            words.removeAll { $0 == "unix" }
            guard !words.isEmpty || !it.front.trustsUnixProxy else { return true }
            it.front.trustedProxies = words.compactMap { AddressRange($0) }
            return !words.isEmpty && it.front.trustedProxies.count == words.count
        },
        Setting(
            group: .front, variable: "MOTORPOOL_SECURITY_CONTACT", flag: nil,
            expected: "addresses like security@example.org, mailto:… or https:…, separated by commas"
        ) { text, it in
            let words = text.split { $0 == "," || $0 == " " }.map(String.init)
            it.front.securityContacts = words.map { $0.contains(":") ? $0 : "mailto:\($0)" }
            return !words.isEmpty
                && it.front.securityContacts.allSatisfy { contact in
                    ["mailto:", "https://", "tel:"].contains { contact.hasPrefix($0) }
                        && contact.utf8.allSatisfy { (0x21...0x7e).contains($0) }
                }
        },
        rate("READ_RATE", "What one address without a token may read", \.front.anonymousReads),
        rate("WRITE_RATE", "What one address without a token may write", \.front.anonymousWrites),
        rate("TOKEN_READ_RATE", "What one token may read", \.front.tokenReads),
        rate("TOKEN_WRITE_RATE", "What one token may write", \.front.tokenWrites),
        whole(
            .front, "GUEST_JOBS", "How many live jobs callers without a token may have together",
            0...10_000_000,
            \.front.guestJobsMax),
        whole(
            .front, "ANONYMOUS_BYTES",
            "Bytes that callers without a token may have written to the database a day, together",
            0...1_000_000_000_000, \.front.anonymousBytesMax),
        whole(
            .front, "FRONT_CONNECTIONS", "The front's connections to the database", 1...1000,
            \.frontConnectionsMax),
        whole(
            .front, "HTTP_REQUESTS", "Requests being answered at once, besides those that wait for a job",
            1...100_000,
            \.front.requestsMax),
        whole(
            .front, "HTTP_CONNECTIONS", "Connections of clients at once", 1...100_000, \.http.connectionsMax),
        whole(
            .front, "HTTP_CONNECTIONS_PER_ADDRESS", "Connections of one address at once", 1...100_000,
            \.http.connectionsPerAddressMax),
    ]

    /// How the log is written.
    static let log: [Setting] = [
        Setting(
            group: .log, variable: "MOTORPOOL_LOG",
            flag: Flag(
                "--log", "FORM", "json or text (MOTORPOOL_LOG); default text on a terminal, json elsewhere"),
            expected: "json or text"
        ) { text, it in
            it.logsText = text == "text"
            return text == "json" || text == "text"
        },
        Setting(
            group: .front, variable: "MOTORPOOL_LOG_REQUESTS",
            flag: Flag("--log-requests", "WHICH", "all or problems (MOTORPOOL_LOG_REQUESTS); default all"),
            expected: "all or problems"
        ) { text, it in
            it.logsEveryRequest = text == "all"
            return text == "all" || text == "problems"
        },
    ]

    private static func readTokens(_ text: String, _ it: inout Settings) -> Bool {
        let words = text.split { $0 == "," || $0 == " " || $0 == "\n" || $0 == "\t" }
        let tokens = words.compactMap { Token(text: $0) }
        let all = it.front.tokens.tokens + tokens
        it.front.tokens = TokenBook(all)
        return tokens.count == words.count && Set(all.map(\.name)).count == all.count
    }

    private static func rate(
        _ name: String, _ help: String, _ path: any WritableKeyPath<Settings, Rate> & Sendable
    ) -> Setting {
        plain(
            .front, name, "RATE", help, standard: "\(Settings()[keyPath: path])",
            expected: "a rate like 5/s, 100/5m or 10/s burst 20", at: path
        ) { Rate(text: $0) }
    }
}
