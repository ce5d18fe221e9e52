/// The names under which one session's statements are prepared on its server.
///
/// A text may be prepared in several variants, one for each set of parameter types. A parameter that is `NULL` fits any
/// variant, so an optional parameter does not double the variants.
struct StatementCache {
    private struct Variant {
        let name: String
        let types: [UInt32]
    }

    private var variants: [String: [Variant]] = [:]
    private var count = 0
    private var nextNumber = 1

    /// Server memory for plans is bounded by this; a full cache is emptied.
    static let countMax = 256

    var isFull: Bool { count >= Self.countMax }

    func name(for text: String, _ parameters: Parameters) -> String? {
        variants[text]?.first { variant in
            variant.types.count == parameters.types.count
                && variant.types.indices.allSatisfy {
                    parameters.isNull($0) || variant.types[$0] == parameters.types[$0]
                }
        }?.name
    }

    /// Names a new variant.
    ///
    /// Names are never used twice in a session, so a forgotten one cannot collide.
    mutating func insert(_ text: String, _ parameters: Parameters) -> String {
        let name = "s\(nextNumber)"
        nextNumber += 1
        count += 1
        variants[text, default: []].append(Variant(name: name, types: parameters.types))
        return name
    }

    /// Forgets a variant which the server turned out not to have.
    mutating func remove(_ text: String, named name: String) {
        guard let index = variants[text]?.firstIndex(where: { $0.name == name }) else { return }
        variants[text]?.remove(at: index)
        count -= 1
    }

    mutating func removeAll() {
        variants = [:]
        count = 0
    }
}
