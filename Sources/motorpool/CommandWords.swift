internal import Glibc

/// The words of the command line behind the program's name, as they came.
///
/// Swift's own list repairs what is no UTF-8 without a word, and a subject would become another one.
struct CommandWords {
    private let words: [[UInt8]]

    /// Copies them, before secrets among them are hidden.
    init() {
        words = (1..<max(1, Int(CommandLine.argc))).compactMap { index in
            CommandLine.unsafeArgv[index].map { word in
                UnsafeBufferPointer(start: word, count: strlen(word)).map { UInt8(bitPattern: $0) }
            }
        }
    }

    /// - Throws: `UsageError` that names the first word that is no UTF-8; it may hold a secret, and is not quoted.
    func checked() throws -> [String] {
        try words.enumerated().map { index, bytes in
            guard let word = String(validating: bytes, as: UTF8.self) else {
                throw UsageError("argument \(index + 1): expected UTF-8, found other bytes")
            }
            return word
        }
    }
}
