import FoundationEssentials
import Front
import HTTPServer
import Jobs
import Platform
import Postgres
import Store
import Testing

/// One line of the clients' contract: what is asked, and what must come.
struct ContractRow: Sendable {
    /// The line it comes from.
    let name: String
    let method: Method
    let target: String
    let status: Int
    let expected: [Expectation]

    enum Expectation: Sendable {
        /// The whole body.
        case body(String)
        case contains(String)
        case lacks(String)
        /// The ids of `results`, in order.
        case ids([Int64])
        /// A member of the body's object, as JSON.
        case member(String, String)
        case header(String, String)
        /// The names of the members of `result`, or of the first of `results`, sorted.
        case keys([String])
        case file(String)
    }

    init(
        _ name: String, _ target: String, _ status: Int = 200, _ expected: Expectation...,
        by method: Method = .get
    ) {
        self.name = name
        self.method = method
        self.target = target
        self.status = status
        self.expected = expected
    }

    static func refusal(_ message: String, _ id: Int) -> Expectation {
        .body("{\"message\":\"\(message)\",\"error_id\":\(id)}")
    }

    static func unreadable(_ type: String, _ place: String, _ name: String, _ input: String) -> Expectation {
        let message =
            type == "int_parsing"
            ? "Input should be a valid integer, unable to parse string as an integer"
            : "Input should be a valid boolean, unable to interpret input"
        return .body(
            """
            {"detail":[{"type":"\(type)","loc":["\(place)","\(name)"],"msg":"\(message)","input":"\(input)",\
            "url":"https://errors.pydantic.dev/2.1/v/\(type)"}]}
            """)
    }

    /// What differs from the line, in sentences. Every answer of these paths is readable by other sites' pages, and JSON
    /// is called exactly that.
    func differences(_ answer: Shop.Answer) -> [String] {
        var found: [String] = []
        func expect(_ isSo: Bool, _ sentence: @autoclosure () -> String) {
            if !isSo { found.append(sentence()) }
        }
        expect(
            answer.status == status,
            "status \(answer.status) instead of \(status): \(answer.text.prefix(300))")
        let origins = answer.response.headers.all("Access-Control-Allow-Origin")
        expect(origins == ["*"], "Access-Control-Allow-Origin \(origins)")
        let exposed = answer.header("Access-Control-Expose-Headers")
        expect(
            exposed == "Content-Type,Content-Disposition",
            "Access-Control-Expose-Headers \(exposed ?? "none")")
        let type = answer.header("Content-Type")
        expect(
            type == (answer.isFile ? "application/zip" : "application/json"), "Content-Type \(type ?? "none")"
        )
        for expectation in expected {
            switch expectation {
            case .body(let text): expect(answer.text == text, "body \(answer.text) instead of \(text)")
            case .contains(let text): expect(answer.text.contains(text), "no \(text) in \(answer.text)")
            case .lacks(let text): expect(!answer.text.contains(text), "\(text) in \(answer.text)")
            case .ids(let ids):
                let told = answer.ids
                expect(told == ids, "ids \(told) instead of \(ids)")
            case .member(let name, let json):
                let told = answer.json?[name]?.json.description ?? "none"
                expect(told == json, "\(name) \(told) instead of \(json)")
            case .header(let name, let value):
                let told = answer.header(name) ?? "none"
                expect(told == value, "\(name): \(told) instead of \(value)")
            case .keys(let keys):
                let told = answer.keys
                expect(told == keys.sorted(), "members \(told) instead of \(keys.sorted())")
            case .file(let disposition):
                expect(answer.isFile, "no file")
                let told = answer.header("Content-Disposition") ?? "none"
                expect(told == disposition, "Content-Disposition \(told) instead of \(disposition)")
            }
        }
        return found
    }
}

extension Shop.Answer {
    fileprivate var ids: [Int64] {
        guard case .array(let results)? = json?["results"]?.value else { return [] }
        return results.compactMap { $0["id"].flatMap { Int64($0.json.description) } }
    }

    fileprivate var keys: [String] {
        var part = json?["result"]
        if case .array(let results)? = json?["results"]?.value { part = results.first }
        guard case .object(let members)? = part?.value else { return [] }
        return members.map(\.name).sorted()
    }
}
