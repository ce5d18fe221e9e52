import Testing

/// A rule of the house: what is not done, where, and why.
struct HouseRule: Sendable, CustomTestStringConvertible {
    let name: String
    /// What breaking it costs; it ends the message of a failure.
    let reason: String
    /// Files that may break it, by the beginning of their path, each with the reason.
    var exceptions: [(path: String, reason: String)] = []
    /// The lines that break it.
    let broken: @Sendable (SourceFile) -> [Int]
    /// A file that breaks it, so that a rule that never bites is noticed.
    let bad: (path: String, text: String)
    /// One that is close, and keeps it.
    let good: (path: String, text: String)

    var testDescription: String { name }

    /// Where the files break it, in sentences that begin with file and line.
    func complaints(about files: [SourceFile]) -> [String] {
        files.filter { file in !exceptions.contains { file.path.hasPrefix($0.path) } }
            .flatMap { file in broken(file).map { "\(file.path):\($0): \(name). \(reason)" } }
    }
}
