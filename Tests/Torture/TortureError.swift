/// The torture itself could not go on; says nothing about the farm.
struct TortureError: Error, CustomStringConvertible {
    let description: String

    init(_ sentence: String) { description = sentence }
}
