/// What an `Accept-Encoding` field allows (RFC 9110, 12.5.3).
package enum AcceptEncoding {
    /// Whether gzip may be sent.
    package static func allowsGzip(_ fields: [String]) -> Bool {
        var ofAny: Bool?
        for field in fields {
            for item in field.lowercased().split(separator: ",") {
                let words = item.split { $0 == ";" || $0 == " " || $0 == "\t" }
                guard let coding = words.first else { continue }
                let weight = words.dropFirst().first { $0.hasPrefix("q=") }.flatMap {
                    Double($0.dropFirst(2))
                }
                let isAllowed = (weight ?? 1) > 0
                if coding == "gzip" || coding == "x-gzip" { return isAllowed }
                if coding == "*" { ofAny = isAllowed }
            }
        }
        return ofAny ?? false
    }
}
