internal import Front
internal import HTTPServer
internal import Jobs

/// The arguments of one request, read as the reference's library reads them: unknown ones are ignored, of repeated ones
/// the last counts. Faults are gathered, and told all at once by `check`.
struct Arguments {
    private let exchange: Exchange
    private let query: [(name: String, value: String)]
    private var faults: [ArgumentFault] = []

    init(_ exchange: Exchange) {
        self.exchange = exchange
        query = Arguments.read(exchange.request.query ?? "")
    }

    /// More are passed over.
    static let fieldsMax = 1000

    /// - Throws: `Refusal` 422 with all faults so far.
    func check() throws(Refusal) {
        if !faults.isEmpty { throw Refusal(faults) }
    }

    /// The number in the path. What no `bigint` holds is the number of nothing: `nil`.
    mutating func id(_ name: String) -> Int64? {
        guard let number = Arguments.integer(exchange[name]) else {
            faults.append(.integer(.path, name, exchange[name]))
            return nil
        }
        return number.exact
    }

    /// A whole number; what no `Int64` holds is the nearest one.
    mutating func integer(_ name: String, _ standard: Int64) -> Int64 {
        guard let text = last(name) else { return standard }
        guard let number = Arguments.integer(text) else {
            faults.append(.integer(.query, name, text))
            return standard
        }
        return number.nearest
    }

    mutating func flag(_ name: String, _ standard: Bool = false) -> Bool {
        guard let text = last(name) else { return standard }
        switch text.lowercased() {
        case "1", "true", "t", "yes", "y", "on": return true
        case "0", "false", "f", "no", "n", "off": return false
        default:
            faults.append(.boolean(name, text))
            return standard
        }
    }

    /// A date as `YYYY-MM-DD`, one that exists.
    mutating func date(_ name: String) -> String? {
        guard let text = last(name) else { return nil }
        guard Arguments.isDate(text) else {
            faults.append(.date(name, text))
            return nil
        }
        return text
    }

    func text(_ name: String) -> String { last(name) ?? "" }

    /// A list of ids in the query. Anything but a JSON array is an empty one.
    func ids(_ name: String) -> [Int64] { Arguments.list(text(name)).map { $0.id ?? Arguments.noID } }

    /// A list of words in the query.
    func words(_ name: String) -> [String] { Arguments.list(text(name)).map(\.word) }

    /// A list of ids in the path.
    func pathIDs(_ name: String) -> [Int64] { Arguments.list(exchange[name]).map { $0.id ?? Arguments.noID } }

    /// Stands for an element that can be no id, and matches nothing.
    static let noID: Int64 = -1

    private func last(_ name: String) -> String? { query.last { $0.name == name }?.value }

    // MARK: Forms

    /// Names and values, decoded; what can't be decoded stays as it was sent.
    private static func read(_ text: String) -> [(name: String, value: String)] {
        text.split(separator: "&").prefix(fieldsMax).map { field in
            let halves = field.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            func decoded(_ part: Substring) -> String {
                PercentText.decoded(part, plusIsSpace: true) ?? String(part)
            }
            return (decoded(halves[0]), halves.count > 1 ? decoded(halves[1]) : "")
        }
    }

    /// A whole number with an optional sign, spaces around it and `_` between digits. `nil`: it is none.
    static func integer(_ text: String) -> (exact: Int64?, nearest: Int64)? {
        var digits = text.utf8.drop { $0 == 32 || (9...13).contains($0) }
        while let last = digits.last, last == 32 || (9...13).contains(last) { digits.removeLast() }
        let isNegative = digits.first == UInt8(ascii: "-")
        if let sign = digits.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
            digits.removeFirst()
        }
        var number: Int64 = 0
        var isTooLarge = false
        var isAfterDigit = false
        for byte in digits {
            if byte == UInt8(ascii: "_"), isAfterDigit {
                isAfterDigit = false
                continue
            }
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
            isAfterDigit = true
            let (shifted, tooLong) = number.multipliedReportingOverflow(by: 10)
            let digit = Int64(byte - UInt8(ascii: "0"))
            let (next, tooFar) = shifted.addingReportingOverflow(isNegative ? -digit : digit)
            if tooLong || tooFar { isTooLarge = true } else if !isTooLarge { number = next }
        }
        // Ends in a digit, so there was one.
        guard isAfterDigit else { return nil }
        return isTooLarge ? (nil, isNegative ? .min : .max) : (number, number)
    }

    private static func isDate(_ text: String) -> Bool {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.map(\.utf8.count) == [4, 2, 2],
            parts.allSatisfy({ $0.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } }),
            let year = Int(parts[0]), let month = Int(parts[1]), let day = Int(parts[2]), year > 0,
            (1...12).contains(month)
        else { return false }
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        let days = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        return (1...days[month - 1]).contains(day)
    }

    /// One element of a list argument.
    struct Element {
        let id: Int64?
        let word: String
    }

    /// More elements are as good as this many: every list is refused long before.
    static let elementsMax = 1000

    private static func list(_ text: String) -> [Element] {
        guard case .array(let parts)? = try? JSON(text: text).parts().value else { return [] }
        return parts.prefix(elementsMax).map { part in
            switch part.value {
            case .number(let digits): Element(id: wholeNumber(digits), word: digits)
            case .string(let text): Element(id: integer(text)?.exact, word: text)
            default: Element(id: nil, word: part.json.description)
            }
        }
    }

    /// `12`, `1.0` and `1e3` are whole numbers of JSON, `1.5` is none.
    private static func wholeNumber(_ digits: String) -> Int64? {
        if let number = Int64(digits) { return number }
        return Double(digits).flatMap { Int64(exactly: $0) }
    }
}
