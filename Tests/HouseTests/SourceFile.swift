import Foundation

/// A Swift file of the project as the house rules see it.
struct SourceFile {
    /// From the checkout on: `Sources/Farm/Lane.swift`.
    let path: String
    /// As written; the first is line 1.
    let lines: [String]
    /// The same without comments that begin with two slashes.
    let code: [String]

    init(path: String, text: String) {
        self.path = path
        lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        code = lines.map(Self.withoutComment)
    }

    /// The second part of the path: `Farm`.
    var room: String {
        let parts = path.split(separator: "/")
        return parts.count > 2 ? String(parts[1]) : ""
    }

    /// The numbers of the lines of code in which the pattern is found.
    func lines(with pattern: Regex<AnyRegexOutput>) -> [Int] {
        code.indices.filter { code[$0].contains(pattern) }.map { $0 + 1 }
    }

    /// The modules that it imports, with their lines.
    var imports: [(module: String, line: Int)] {
        code.indices.compactMap { index in
            let words = code[index].split(whereSeparator: { " .\t".contains($0) })
            guard let place = words.firstIndex(of: "import") else { return nil }
            let before: Set<Substring> = [
                "package", "internal", "private", "fileprivate", "public", "@preconcurrency",
            ]
            guard words[..<place].allSatisfy({ before.contains($0) || $0.hasPrefix("@") }) else { return nil }
            let kinds: Set<Substring> = [
                "struct", "class", "enum", "func", "protocol", "let", "var", "typealias",
            ]
            let named = words[(place + 1)...].first { !kinds.contains($0) }
            return named.map { (String($0), index + 1) }
        }
    }

    /// Two slashes inside a text are an address, not a comment.
    private static func withoutComment(_ line: String) -> String {
        var inText = false
        var previous: Character = " "
        for index in line.indices {
            let character = line[index]
            if character == "\"" && previous != "\\" { inText.toggle() }
            if character == "/" && previous == "/" && !inText {
                return String(line[..<line.index(before: index)])
            }
            previous = character
        }
        return line
    }

    /// All Swift files below a folder of the checkout.
    static func all(below folder: String, of checkout: String) throws -> [SourceFile] {
        let base = checkout + "/" + folder
        let names = FileManager.default.enumerator(atPath: base)?.compactMap { $0 as? String } ?? []
        return try names.filter { $0.hasSuffix(".swift") }.sorted().map { name in
            let text = try String(contentsOfFile: base + "/" + name, encoding: .utf8)
            return SourceFile(path: folder + "/" + name, text: text)
        }
    }
}
