/// The files of an item, fetched.
struct ItemFiles: Sendable {
    /// Holds them and nothing else.
    let folder: String
    /// The sum of their sizes.
    let bytes: Int64
}
