/// Pieces of XPath that every parser of pages needs.
package enum XPath {
    /// A condition: the element's class list holds this word.
    ///
    /// To be pasted between brackets: `"//div[\(XPath.hasClass("price"))]"`.
    package static func hasClass(_ word: String) -> String {
        precondition(!word.contains { "'\" ".contains($0) }, "one class at a time, without quotes: \(word)")
        return "contains(concat(' ', normalize-space(@class), ' '), ' \(word) ')"
    }
}
