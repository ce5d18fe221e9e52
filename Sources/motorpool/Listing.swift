/// Lists within bounds, for sentences.
enum Listing {
    /// `a, b, c`, or the first `most` and how many more there are.
    static func names(_ names: [String], more: Int = 0, most: Int = 20) -> String {
        guard !names.isEmpty else { return "none yet" }
        let left = more + max(0, names.count - most)
        let list = names.prefix(most).joined(separator: ", ")
        return left == 0 ? list : "\(list) and \(left) more"
    }
}
