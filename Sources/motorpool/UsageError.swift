/// The command line can't be understood; the sentence says what was expected.
struct UsageError: Error, CustomStringConvertible {
    let description: String

    init(_ sentence: String) { description = sentence }
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
