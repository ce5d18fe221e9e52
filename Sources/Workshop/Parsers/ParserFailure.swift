/// An answer of Steam's that could not be taken for what was asked, and why.
///
/// Each reason asks for something else: time mends a throttle, a person mends a parser, nothing mends a removed item.
package struct ParserFailure: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Reason: String, Sendable, CaseIterable {
        /// What the parser stands on is no longer there: somebody has to look. Never an item without data.
        case changedLayout = "changed layout"
        /// Cut off, or not of the format at all.
        case garbled
        case tooLarge = "too large"
        /// The source asks for a pause, whatever the status said.
        case throttled
        /// A page that wants to know whether we are people. It is recognised, never answered: the source rests.
        case challenged
        /// The source says that there is no such thing, or none for everybody.
        case gone
        /// Only for those who are logged in, or old enough.
        case gated
    }

    /// Which parser said so, with its version.
    package let parser: String
    package let reason: Reason
    /// What was expected, and what was found.
    package let words: String

    init(_ parser: String, _ reason: Reason, _ words: String) {
        self.parser = parser
        self.reason = reason
        self.words = words
    }

    package var description: String { "\(reason.rawValue) (\(parser)): \(words)" }
}
