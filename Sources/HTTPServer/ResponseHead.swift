/// The head of an answer in bytes.
struct ResponseHead {
    /// How the other end knows where the answer ends.
    enum Framing {
        case length(Int)
        case chunks
        /// By the end of the connection.
        case close
        /// No body is possible: 204, 304.
        case none
    }

    /// The connection as both ends will treat it after this answer.
    enum Ending {
        case kept
        /// Kept, which an HTTP/1.0 client has to be told.
        case keptAsAsked
        case closed
    }

    // What the server says itself.
    private static let owned = ["Date", "Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive"]

    /// Appends the head, its empty line included.
    ///
    /// - Parameter date: as ``HTTPDate`` writes it.
    static func write(
        _ status: Int, _ headers: Headers, _ framing: Framing, _ ending: Ending, date: String,
        to bytes: inout [UInt8]
    ) {
        append("HTTP/1.1 ", to: &bytes)
        appendNumber(status, to: &bytes)
        append(" ", to: &bytes)
        append(reason(status), to: &bytes)
        append("\r\nDate: ", to: &bytes)
        bytes.append(contentsOf: date.utf8)
        for field in headers.fields where !owned.contains(where: { Headers.same($0, field.name) }) {
            append("\r\n", to: &bytes)
            bytes.append(contentsOf: field.name.utf8)
            append(": ", to: &bytes)
            bytes.append(contentsOf: field.value.utf8)
        }
        append("\r\nX-Content-Type-Options: nosniff", to: &bytes)
        switch framing {
        case .length(let length):
            append("\r\nContent-Length: ", to: &bytes)
            appendNumber(length, to: &bytes)
        case .chunks: append("\r\nTransfer-Encoding: chunked", to: &bytes)
        case .close, .none: break
        }
        switch ending {
        case .kept: append("\r\n\r\n", to: &bytes)
        case .keptAsAsked: append("\r\nConnection: keep-alive\r\n\r\n", to: &bytes)
        case .closed: append("\r\nConnection: close\r\n\r\n", to: &bytes)
        }
    }

    private static func append(_ text: StaticString, to bytes: inout [UInt8]) {
        text.withUTF8Buffer { bytes.append(contentsOf: $0) }
    }

    private static func appendNumber(_ number: Int, to bytes: inout [UInt8]) {
        bytes.append(contentsOf: String(number).utf8)
    }

    private static func reason(_ status: Int) -> StaticString {
        switch status {
        case 200: "OK"
        case 201: "Created"
        case 202: "Accepted"
        case 204: "No Content"
        case 206: "Partial Content"
        case 208: "Already Reported"
        case 301: "Moved Permanently"
        case 302: "Found"
        case 303: "See Other"
        case 304: "Not Modified"
        case 307: "Temporary Redirect"
        case 308: "Permanent Redirect"
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 406: "Not Acceptable"
        case 408: "Request Timeout"
        case 409: "Conflict"
        case 410: "Gone"
        case 411: "Length Required"
        case 412: "Precondition Failed"
        case 413: "Content Too Large"
        case 414: "URI Too Long"
        case 415: "Unsupported Media Type"
        case 416: "Range Not Satisfiable"
        case 417: "Expectation Failed"
        case 422: "Unprocessable Content"
        case 425: "Too Early"
        case 428: "Precondition Required"
        case 429: "Too Many Requests"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 502: "Bad Gateway"
        case 503: "Service Unavailable"
        case 504: "Gateway Timeout"
        default: ""
        }
    }
}
