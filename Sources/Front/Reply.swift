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

    /// 303: the other end asks for `location` by GET.
    package static func seeOther(_ location: String, headers: Headers = [:]) -> Response {
        var headers = headers
        headers["Location"] = location
        headers["Cache-Control"] = "no-store"
        return Response(303, headers: headers)
    }
}
