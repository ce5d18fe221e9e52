/// What the server answers by itself, before or instead of a handler.
package struct Refusal: Error, Equatable {
    package let status: Int
    package let code: String
    /// What was expected; never what came, so that nothing has to be escaped.
    package let message: String
    let cut: Cut

    init(_ status: Int, _ code: String, _ message: String, cut: Cut = .refused) {
        self.status = status
        self.code = code
        self.message = message
        self.cut = cut
    }

    static func badRequest(_ message: String) -> Refusal { Refusal(400, "bad_request", message) }

    static let headTooSlow = Refusal(
        408, "request_timeout", "the head of a request was expected within the time allowed for it",
        cut: .headTooSlow)

    static let bodyTooSlow = Refusal(
        408, "request_timeout", "the body was expected at the least rate or above", cut: .bodyTooSlow)

    static func bodyTooLarge(_ limit: Int) -> Refusal {
        Refusal(413, "body_too_large", "a body of at most \(limit) bytes was expected")
    }

    static func targetTooLong(_ limit: Int) -> Refusal {
        Refusal(414, "target_too_long", "a request target of at most \(limit) bytes was expected")
    }

    static func headTooLarge(_ limit: Int) -> Refusal {
        Refusal(431, "head_too_large", "a head of at most \(limit) bytes was expected")
    }

    static func tooManyFields(_ limit: Int) -> Refusal {
        Refusal(431, "head_too_large", "at most \(limit) header fields were expected")
    }

    static let expectation = Refusal(417, "expectation_failed", "no expectation but 100-continue can be met")

    static let unknownCoding = Refusal(
        501, "not_implemented", "no transfer coding but a single chunked is understood")

    static let unknownMethod = Refusal(
        501, "not_implemented", "one of the methods \(Refusal.methods) was expected")

    static let forbiddenMethod = Refusal(
        405, "method_not_allowed", "one of the methods \(Refusal.methods) was expected")

    static let noFile = Refusal(404, "not_found", "there is no such file")

    static let conditionFailed = Refusal(
        412, "precondition_failed", "the file is not the one that the conditions of the request were made for"
    )

    static let outOfRange = Refusal(416, "range_not_satisfiable", "a range inside of the file was expected")

    static let full = Refusal(
        503, "too_many_connections", "the server has no room for another connection now")

    static let fullForAddress = Refusal(
        429, "too_many_connections", "this address has as many connections as one may have")

    private static let methods = Method.allCases.map(\.rawValue).joined(separator: ", ")

    var response: Response {
        var headers: Headers = ["Content-Type": "application/json"]
        switch status {
        case 405: headers["Allow"] = Refusal.methods
        case 429, 503: headers["Retry-After"] = "1"
        default: break
        }
        let body = #"{"error":{"code":"\#(code)","message":"\#(message)"}}"#
        return Response(status, headers: headers, content: .bytes(Array(body.utf8)))
    }
}

extension BodyError {
    /// What to answer: 413, 408 or, to nobody, 400.
    package var response: Response {
        switch self {
        case .tooLarge(let limit): Refusal.bodyTooLarge(limit).response
        case .tooSlow: Refusal.bodyTooSlow.response
        case .cutOff: Refusal.badRequest("the body was expected to its end").response
        }
    }
}
