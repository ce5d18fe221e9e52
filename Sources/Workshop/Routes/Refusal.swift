internal import Front
internal import HTTPServer
internal import Jobs

/// An answer that ends a handler before its work is done.
struct Refusal: Error {
    let response: Response

    /// `{"message","error_id"}`, as the clients read it.
    init(_ status: Int, _ message: String, _ id: Int64) { response = Told.message(status, message, id) }

    /// 422 in the form of pydantic 2.1, which the clients' library knows.
    init(_ faults: [ArgumentFault]) {
        response = Told.json(.object([("detail", .array(faults.map(\.json)))]), status: 422)
    }
}

/// An argument that can't be read.
struct ArgumentFault {
    enum Place: String {
        case path
        case query
    }

    let place: Place
    let name: String
    let input: String
    /// What pydantic calls it, such as `int_parsing`.
    let type: String
    let message: String

    static func integer(_ place: Place, _ name: String, _ input: String) -> ArgumentFault {
        ArgumentFault(
            place: place, name: name, input: input, type: "int_parsing",
            message: "Input should be a valid integer, unable to parse string as an integer")
    }

    static func boolean(_ name: String, _ input: String) -> ArgumentFault {
        ArgumentFault(
            place: .query, name: name, input: input, type: "bool_parsing",
            message: "Input should be a valid boolean, unable to interpret input")
    }

    static func date(_ name: String, _ input: String) -> ArgumentFault {
        ArgumentFault(
            place: .query, name: name, input: input, type: "date_parsing",
            message: "Input should be a valid date in the format YYYY-MM-DD")
    }

    var json: JSONText {
        .object([
            ("type", .string(type)), ("loc", .array([.string(place.rawValue), .string(name)])),
            ("msg", .string(message)), ("input", .string(input)),
            ("url", .string("https://errors.pydantic.dev/2.1/v/\(type)")),
        ])
    }
}

/// Answers in the forms that the clients compare exactly.
enum Told {
    /// `application/json` and nothing behind it.
    static func json(_ value: JSONText, status: Int = 200) -> Response { Reply.json(value, status: status) }

    static func message(_ status: Int, _ message: String, _ id: Int64) -> Response {
        json(.object([("message", .string(message)), ("error_id", .int(id))]), status: status)
    }
}
