/// Names and values as a query or a form carries them, decoded, in their order.
package struct Fields: Sendable {
    package let pairs: [(name: String, value: String)]

    package static let empty = Fields(pairs: [])

    private init(pairs: [(name: String, value: String)]) { self.pairs = pairs }

    /// Reads `a=1&b=two+words`.
    /// - Throws: `Problem` 400 for what is no such text, or has more than 1,000 fields.
    package init(_ text: some StringProtocol) throws(Problem) {
        var pairs: [(name: String, value: String)] = []
        for part in text.split(separator: "&") {
            guard pairs.count < 1000 else { throw .badRequest("more than 1000 fields") }
            let halves = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = PercentText.decoded(halves[0], plusIsSpace: true),
                let value = PercentText.decoded(halves.count > 1 ? halves[1] : "", plusIsSpace: true)
            else {
                throw .badRequest(
                    "expected names and values percent-encoded as UTF-8 without NUL, found “\(part.prefix(60))”"
                )
            }
            pairs.append((name, value))
        }
        self.pairs = pairs
    }

    /// The only value of that name. `nil`: there is none, or it is empty.
    /// - Throws: `Problem` 400 when it came twice, because nobody can say which one was meant.
    package func one(_ name: String) throws(Problem) -> String? {
        let values = all(name)
        guard values.count < 2 else {
            throw .badRequest("\(name) came \(values.count) times, expected once", field: name)
        }
        return values.first.flatMap { $0.isEmpty ? nil : $0 }
    }

    package func all(_ name: String) -> [String] { pairs.filter { $0.name == name }.map(\.value) }

    /// A whole number, decimal digits only.
    /// - Throws: `Problem` 400 when there is something else, or it lies outside of `range`.
    package func number(_ name: String, in range: ClosedRange<Int>) throws(Problem) -> Int? {
        guard let text = try one(name) else { return nil }
        guard let number = Int(text), range.contains(number), text.utf8.first != UInt8(ascii: "+") else {
            throw .badRequest(
                "\(name): expected a whole number from \(range.lowerBound) to \(range.upperBound), found “\(text.prefix(60))”",
                field: name)
        }
        return number
    }

    /// One of these words.
    /// - Throws: `Problem` 400 that names them.
    package func word<Word: RawRepresentable & CaseIterable>(_ name: String, of type: Word.Type)
        throws(Problem)
        -> Word? where Word.RawValue == String
    {
        guard let text = try one(name) else { return nil }
        guard let word = Word(rawValue: text) else {
            let known = Word.allCases.map(\.rawValue).joined(separator: ", ")
            throw .badRequest("\(name): expected one of \(known), found “\(text.prefix(60))”", field: name)
        }
        return word
    }
}
