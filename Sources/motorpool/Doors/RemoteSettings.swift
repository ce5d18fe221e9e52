internal import Jobs
internal import World

/// A farm that is asked over HTTP, and who asks.
struct RemoteSettings: Sendable {
    private static let tokenBytesMax = 1000

    var url: String?
    /// As it was said itself; wins over the file.
    var ownToken: String?
    var tokenFile: String?

    init(url: String? = nil) { self.url = url }

    /// Where the farm is; `nil` when no farm was named.
    /// - Throws: `WebError.badURL`.
    func address() throws(WebError) -> WebAddress? {
        guard let url else { return nil }
        // The paths are ours, so what stands behind the host is a beginning that a proxy may want.
        let address = try WebAddress(url)
        guard !address.text.contains("?") else { throw .badURL("a query in the address of a farm") }
        return address
    }

    /// - Throws: `ConfigurationFaults` when the file has none.
    func token() throws -> String? {
        if let ownToken { return ownToken }
        guard let tokenFile else { return nil }
        func fault(_ message: String) -> ConfigurationFaults {
            ConfigurationFaults(faults: [Fault(file: tokenFile, message: message)])
        }
        let text: String
        do { text = try TextFile.read(tokenFile, bytesMax: Self.tokenBytesMax) } catch {
            throw fault("\(error)")
        }
        let token = text.split(whereSeparator: \.isWhitespace).first.map(String.init) ?? ""
        guard Self.isToken(token) else { throw fault("expected a token and nothing else") }
        return token
    }

    /// What can stand behind `Bearer` (RFC 6750).
    static func isToken(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= tokenBytesMax
            && text.utf8.allSatisfy { byte in
                let character = Character(UnicodeScalar(byte))
                return byte < 0x80
                    && (character.isLetter || character.isNumber || "-._~+/=".contains(character))
            }
    }
}
