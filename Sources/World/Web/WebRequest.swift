/// One question to a host, with the bounds of its answer.
package struct WebRequest: Sendable {
    package enum Method: String, Sendable {
        case get = "GET"
        case head = "HEAD"
        case post = "POST"
        case put = "PUT"
        case delete = "DELETE"
    }

    /// An absolute address, http or https.
    package var address: String
    package var method = Method.get
    /// Sent to the host of `address` only; a redirect elsewhere goes without them.
    package var headers: [(name: String, value: String)] = []
    /// A redirect that would carry it to another host is refused.
    package var body: [UInt8]?
    /// Of the answer as it is unpacked.
    package var bytesMax = 8 << 20
    /// How many times larger than it came an answer may be once it is unpacked. The first MiB is free.
    package var ratioMax = 100
    /// For everything but the waits of `admit`, redirects included.
    package var timeLimit = Duration.seconds(30)
    /// For name, connection and trust together, each hop.
    package var connectTimeLimit = Duration.seconds(10)
    /// From the sent question to the whole head of the answer, each hop.
    package var answerTimeLimit = Duration.seconds(20)
    /// The body as it comes over the wire must reach this on average of every `slowSpan`. 0: any.
    package var bytesPerSecondMin = 512
    package var slowSpan = Duration.seconds(15)
    package var redirectsMax = 5
    /// The only hosts to be asked, on every hop, like `api.example.com` or `*.example.com`. `nil`: any that the settings
    /// reach.
    package var hosts: [String]?
    /// Whether gzip and brotli are asked for. Never with a download: its bytes are what the file holds.
    package var acceptsCompression = true
    /// Waited for before each hop: the budget of the host.
    package var admit: (@Sendable (_ host: String) async throws -> Void)?

    package init(_ address: String) { self.address = address }

    /// - Throws: `WebError.badURL` for a field that would end its line.
    func checkHeaders() throws(WebError) {
        for (name, value) in headers {
            let isToken = !name.isEmpty && name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != 0x3a }
            guard isToken, value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else {
                throw .badURL("a header field “\(name)” that can't be sent")
            }
        }
    }
}
