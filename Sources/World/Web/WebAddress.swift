internal import CCurl

/// An address on the web, read by the library that will ask it, so that what was checked is what is asked.
package struct WebAddress: Hashable, Sendable {
    static let bytesMax = 8192

    /// Whole, without fragment.
    package let text: String
    /// `http` or `https`.
    package let scheme: String
    /// Small letters, without brackets and without a dot at the end; numbers in every spelling as `127.0.0.1`.
    package let host: String
    package let port: Int

    /// - Throws: `WebError.badURL`.
    package init(_ text: String) throws(WebError) { try self.init(text, from: nil) }

    /// The address that a `Location` here means.
    /// - Throws: `WebError.badURL`.
    func following(_ location: String) throws(WebError) -> WebAddress { try WebAddress(location, from: self) }

    private init(_ text: String, from base: WebAddress?) throws(WebError) {
        guard text.utf8.count <= Self.bytesMax else { throw .badURL("longer than \(Self.bytesMax) bytes") }
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7f }) else {
            throw .badURL("a space or a control character in it")
        }
        guard let url = curl_url() else { throw .badURL("no memory to read it") }
        defer { curl_url_cleanup(url) }
        if let base { curl_url_set(url, CURLUPART_URL, base.text, 0) }
        // As it is: dots in a path are the host's to judge.
        let flags = UInt32(CURLU_DISALLOW_USER | CURLU_PATH_AS_IS | CURLU_URLENCODE)
        let code = curl_url_set(url, CURLUPART_URL, text, flags)
        guard code == CURLUE_OK else { throw .badURL(String(cString: curl_url_strerror(code))) }
        curl_url_set(url, CURLUPART_FRAGMENT, nil, 0)
        guard let scheme = Self.part(CURLUPART_SCHEME, url)?.lowercased(), ["http", "https"].contains(scheme)
        else { throw .badURL("neither http nor https") }
        guard var host = Self.part(CURLUPART_HOST, url)?.lowercased(),
            let whole = Self.part(CURLUPART_URL, url),
            let port = Self.part(CURLUPART_PORT, url, CURLU_DEFAULT_PORT).flatMap({ Int($0) }), port > 0
        else { throw .badURL("no host, or no port") }
        if host.hasPrefix("[") { host = String(host.dropFirst().dropLast()) }
        if host.hasSuffix(".") { host.removeLast() }
        guard !host.isEmpty else { throw .badURL("no host") }
        (self.text, self.scheme, self.host, self.port) = (whole, scheme, host, port)
    }

    private static func part(_ part: CURLUPart, _ url: OpaquePointer, _ flags: Int32 = 0) -> String? {
        var text: UnsafeMutablePointer<CChar>?
        guard curl_url_get(url, part, &text, UInt32(flags)) == CURLUE_OK, let text else { return nil }
        defer { curl_free(text) }
        return String(cString: text)
    }

    /// Whether both are asked of one server under one name.
    func isSameOrigin(as other: WebAddress) -> Bool {
        scheme == other.scheme && host == other.host && port == other.port
    }

    /// Whether the host is one of these, like `api.example.com` or `*.example.com`.
    func isOn(_ hosts: [String]) -> Bool {
        hosts.contains { pattern in
            let pattern = pattern.lowercased()
            return pattern.hasPrefix("*.") ? host.hasSuffix(pattern.dropFirst()) : host == pattern
        }
    }
}
