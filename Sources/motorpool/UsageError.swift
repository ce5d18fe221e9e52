/// The command line can't be understood; the sentence says what was expected.
struct UsageError: Error, CustomStringConvertible {
    let description: String

    init(_ sentence: String) { description = UsageError.withoutSecrets(sentence) }

    /// A word in the wrong place may be the address of a database: what may hold a password is not repeated, up to the end of
    /// what is quoted.
    private static func withoutSecrets(_ sentence: String) -> String {
        var safe = ""
        var rest = sentence[...]
        while let mark = secretMarks.compactMap({ rest.firstRange(of: $0) }).min(by: {
            $0.lowerBound < $1.lowerBound
        }) {
            safe += rest[..<mark.upperBound] + "…"
            rest = rest[mark.upperBound...].drop { $0 != "”" }
        }
        return safe + rest
    }

    private static let secretMarks = ["://", "password="]
}

/// It was understood and did not go well; there is nothing to add to the sentence.
struct Refusal: Error, CustomStringConvertible {
    let description: String
    let code: ExitCode

    init(_ sentence: String, _ code: ExitCode = .failed) {
        description = sentence
        self.code = code
    }
}
