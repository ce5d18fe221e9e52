/// The head of a request, checked.
package struct RequestHead: Sendable {
    package var method: Method
    package var path: String
    package var query: String?
    package var headers: Headers
    /// `nil`: the body is chunked.
    package var contentLength: Int?
    /// Whether the client speaks HTTP/1.1, and so understands chunks and 100 Continue.
    package var isModern: Bool
    package var isKeptAlive: Bool
    /// Whether the client waits for a word before it sends the body.
    package var expectsContinue: Bool

    /// Checks what the parser leaves to us (RFC 9112, 3.2 and 6.1).
    ///
    /// - Parameters:
    ///   - method: `nil`: none of ours.
    ///   - target: as it was sent.
    init(
        method: Method?, target: String, headers: Headers, isModern: Bool, isKeptAlive: Bool
    ) throws(Refusal) {
        try Self.checkHost(headers, isModern)
        let isChunked = try Self.checkCoding(headers, isModern)
        guard let method else { throw .unknownMethod }
        self.method = method
        let (authority, path, query) = try Self.split(target)
        (self.path, self.query) = (path, query)
        self.headers = headers
        // A target in absolute form decides, whatever Host says (RFC 9112, 3.2.2).
        if let authority {
            self.headers["Host"] = authority
            try Self.checkHost(self.headers, isModern)
        }
        self.isModern = isModern
        self.isKeptAlive = isKeptAlive
        if isChunked {
            contentLength = nil
        } else if let length = headers["Content-Length"] {
            guard let length = Int(length) else {
                throw .badRequest("a content length that a machine can count was expected")
            }
            contentLength = length
        } else {
            contentLength = 0
        }
        expectsContinue = false
        if let expectation = headers["Expect"], isModern {
            guard expectation.lowercased() == "100-continue" else { throw .expectation }
            expectsContinue = contentLength != 0
        }
    }

    private static func checkHost(_ headers: Headers, _ isModern: Bool) throws(Refusal) {
        let hosts = headers.all("Host")
        guard hosts.count == 1 || (hosts.isEmpty && !isModern) else {
            throw .badRequest("exactly one Host field was expected")
        }
        // What cannot stand in a host and a port (RFC 3986, 3.2.2), and would be read as something else further on.
        let isHost = hosts.allSatisfy { host in
            host.utf8.allSatisfy { byte in
                switch byte {
                case 0...32, 127..., UInt8(ascii: "/"), UInt8(ascii: "\\"), UInt8(ascii: "?"),
                    UInt8(ascii: "#"),
                    UInt8(ascii: "@"), UInt8(ascii: ","), UInt8(ascii: "\""), UInt8(ascii: "<"),
                    UInt8(ascii: ">"):
                    false
                default: true
                }
            }
        }
        guard isHost else { throw .badRequest("a host, and perhaps a port, was expected in Host") }
    }

    private static func checkCoding(_ headers: Headers, _ isModern: Bool) throws(Refusal) -> Bool {
        let codings = headers.all("Transfer-Encoding").flatMap { field in
            field.lowercased().split(separator: ",", omittingEmptySubsequences: false).map {
                $0.filter { $0 != " " && $0 != "\t" }
            }
        }
        guard !codings.isEmpty else { return false }
        guard isModern else { throw .badRequest("no transfer coding was expected of an HTTP/1.0 client") }
        // Otherwise nobody can say where the body ends.
        guard codings.last == "chunked", !codings.dropLast().contains("chunked") else {
            throw .badRequest("chunked was expected as the last transfer coding, and once")
        }
        guard codings.count == 1 else { throw .unknownCoding }
        guard headers["Content-Length"] == nil else {
            throw .badRequest("one length of the body was expected, not two")
        }
        return true
    }

    /// The path and the query of a target in origin form or, as proxies are told it, in absolute form.
    private static func split(_ target: String) throws(Refusal) -> (
        authority: String?, path: String, query: String?
    ) {
        var rest = Substring(target)
        var host: String?
        for scheme in ["http://", "https://"] where rest.prefix(scheme.count).lowercased() == scheme {
            let authority = rest.dropFirst(scheme.count)
            let end = authority.firstIndex { $0 == "/" || $0 == "?" } ?? authority.endIndex
            guard end > authority.startIndex else { throw .badRequest("a host was expected in the target") }
            host = String(authority[..<end])
            rest = authority[end...]
            if !rest.hasPrefix("/") { rest = "/" + rest }
            break
        }
        guard rest.utf8.first == UInt8(ascii: "/"), !rest.utf8.contains(UInt8(ascii: "#")) else {
            throw .badRequest("a path that begins with / and has no fragment was expected as the target")
        }
        guard let mark = rest.utf8.firstIndex(of: UInt8(ascii: "?")) else { return (host, String(rest), nil) }
        return (host, String(rest[..<mark]), String(rest[rest.utf8.index(after: mark)...]))
    }
}
