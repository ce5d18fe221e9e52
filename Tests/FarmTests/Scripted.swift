import Farm
import Jobs
import Store

/// A kind whose runs do what the test says.
struct Scripted<Name: KindName>: JobKind {
    static var name: String { Name.word }
    let body: @Sendable (Run) async throws -> Outcome

    func run(_ args: NoArgs, _ run: Run) async throws -> Outcome { try await body(run) }
}

protocol KindName: Sendable {
    static var word: String { get }
}

enum Note: KindName { static let word = "note" }
enum Other: KindName { static let word = "other" }
enum Third: KindName { static let word = "third" }

extension AnyKind {
    static func note(_ body: @escaping @Sendable (Run) async throws -> Outcome) -> AnyKind {
        AnyKind(Scripted<Note>(body: body))
    }

    static func other(_ body: @escaping @Sendable (Run) async throws -> Outcome) -> AnyKind {
        AnyKind(Scripted<Other>(body: body))
    }

    static func third(_ body: @escaping @Sendable (Run) async throws -> Outcome) -> AnyKind {
        AnyKind(Scripted<Third>(body: body))
    }
}

extension Definition {
    /// A definition in one expression.
    init(_ kind: String = "note", _ set: (inout Definition) -> Void) {
        self.init(kind: kind)
        set(&self)
    }
}
