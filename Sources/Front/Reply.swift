internal import Crypto
package import HTTPServer
package import Jobs

/// Answers that handlers give, in their usual forms.
package enum Reply {
    /// Not cached by anybody unless `headers` say otherwise.
    package static func json(_ value: JSONText, status: Int = 200, headers: Headers = [:]) -> Response {
        bytes(Array(value.text.utf8), as: "application/json", status: status, headers: headers)
    }

    package static func page(_ html: String, status: Int = 200, headers: Headers = [:]) -> Response {
        bytes(Array(html.utf8), as: "text/html; charset=utf-8", status: status, headers: headers)
    }

    package static func text(_ text: String, status: Int = 200, headers: Headers = [:]) -> Response {
        bytes(Array(text.utf8), as: "text/plain; charset=utf-8", status: status, headers: headers)
    }

    package static func bytes(
        _ bytes: [UInt8], as mediaType: String, status: Int = 200, headers: Headers = [:]
    ) -> Response {
        var headers = headers
        headers["Content-Type"] = mediaType
        if headers["Cache-Control"] == nil { headers["Cache-Control"] = "no-store" }
        return Response(status, headers: headers, content: .bytes(bytes))
    }

    /// With an ETag of the content; 304 when the other end has that already.
    ///
    /// Weak, because the server may compress it on its way.
    package static func tagged(
        _ value: JSONText, as mediaType: String = "application/json", for request: Request
    ) -> Response {
        tagged(Array(value.text.utf8), as: mediaType, for: request)
    }

    package static func tagged(_ bytes: [UInt8], as mediaType: String, for request: Request) -> Response {
        let tag = "W/\"\(Hex.text(SHA256.digest(bytes)).prefix(24))\""
        let headers: Headers = ["ETag": tag, "Cache-Control": "no-cache"]
        let known = request.headers.all("If-None-Match").joined(separator: ",")
        guard !matches(known, tag) else { return Response(304, headers: headers) }
        return Reply.bytes(bytes, as: mediaType, headers: headers)
    }

    /// Weak comparison (RFC 9110, 13.1.2).
    private static func matches(_ known: String, _ tag: String) -> Bool {
        known.split(separator: ",").contains { entry in
            let text = String(entry.filter { $0 != " " && $0 != "\t" })
            return text == "*" || opaque(text) == opaque(tag)
        }
    }

    private static func opaque(_ tag: String) -> Substring {
        tag.hasPrefix("W/") ? tag.dropFirst(2) : tag[...]
    }

    /// 303: the other end asks for `location` by GET.
    package static func seeOther(_ location: String, headers: Headers = [:]) -> Response {
        var headers = headers
        headers["Location"] = location
        headers["Cache-Control"] = "no-store"
        return Response(303, headers: headers)
    }
}
