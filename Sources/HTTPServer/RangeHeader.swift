/// What a `Range` field asks for (RFC 9110, 14).
package enum RangeHeader: Equatable {
    /// Everything: there was no range, or none that has to be honoured.
    case whole
    /// From `start` up to and without `end`.
    case part(start: Int64, end: Int64)
    case unsatisfiable

    /// Anything that is not one well-formed range of bytes asks for everything; so do several at once.
    ///
    /// - Parameter size: of the whole, in bytes.
    package init(_ text: String?, size: Int64) {
        self = .whole
        guard let text, let equals = text.firstIndex(of: "="), text[..<equals].lowercased() == "bytes" else {
            return
        }
        let range = text[text.index(after: equals)...].drop { $0 == " " || $0 == "\t" }
        let ends = range.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        guard ends.count == 2 else { return }
        switch (Self.number(ends[0]), Self.number(ends[1])) {
        case (let first?, let last?):
            guard first <= last else { return }
            self = first < size ? .part(start: first, end: min(last, size - 1) + 1) : .unsatisfiable
        case (let first?, nil) where ends[1].isEmpty:
            self = first < size ? .part(start: first, end: size) : .unsatisfiable
        case (nil, let count?) where ends[0].isEmpty:
            self = count > 0 && size > 0 ? .part(start: max(0, size - count), end: size) : .unsatisfiable
        default:
            return
        }
    }

    /// Digits only; what is beyond all files counts as the greatest number.
    private static func number(_ text: Substring) -> Int64? {
        guard !text.isEmpty, text.utf8.allSatisfy({ $0 >= 48 && $0 <= 57 }) else { return nil }
        // One is added to it.
        return min(Int64(text) ?? .max, .max - 1)
    }
}
