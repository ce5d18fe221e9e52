/// How unpacking in a process of its own ended: an exit code, and one line that is all it says.
///
/// Both sides speak through this: the process writes `code` and `line`, and whoever started it reads them back. What
/// the process said may be a stranger's words by then, so anything but such a pair is no report.
package enum UnpackReport: Sendable, Equatable {
    case unpacked(Archive.Contents)
    /// The file is none of the formats that are read.
    case noArchive
    /// More comes out than it may.
    case tooLarge
    /// What was found in it.
    case refused(String)
    /// What the file system said.
    case disk(String)

    /// Bytes of the line, without its end.
    package static let lineBytesMax = 1024
    private static let wordsMax = 200

    /// None of them is one that a shell, a signal or a command of ours has.
    package var code: Int32 {
        switch self {
        case .unpacked: 0
        case .noArchive: 40
        case .tooLarge: 41
        case .refused: 42
        case .disk: 43
        }
    }

    package var line: String {
        switch self {
        case .unpacked(let contents): "unpacked \(contents.files) \(contents.folders) \(contents.bytes)"
        case .noArchive: "no archive"
        case .tooLarge: "too large"
        case .refused(let words): "refused " + Self.plain(words)
        case .disk(let words): "disk " + Self.plain(words)
        }
    }

    /// What a process meant that ended with this code and said these lines; nil for what none of ours would say.
    package init?(code: Int32, lines: [String]) {
        guard lines.count == 1, let line = lines.first, line.utf8.count <= Self.lineBytesMax,
            let meant = Self(line), meant.code == code
        else { return nil }
        self = meant
    }

    private init?(_ line: String) {
        if line == Self.noArchive.line {
            self = .noArchive
        } else if line == Self.tooLarge.line {
            self = .tooLarge
        } else if let words = line.words(behind: "refused ") {
            self = .refused(Self.plain(words))
        } else if let words = line.words(behind: "disk ") {
            self = .disk(Self.plain(words))
        } else if let contents = Archive.Contents(line.words(behind: "unpacked ") ?? "") {
            self = .unpacked(contents)
        } else {
            return nil
        }
    }

    /// No longer than a line or two, and without what would end a line, move a cursor or turn the writing around.
    private static func plain(_ words: String) -> String {
        let isSpecial: (Unicode.Scalar) -> Bool = { scalar in
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator: true
            default: false
            }
        }
        return words.unicodeScalars.prefix(wordsMax).map { isSpecial($0) ? "\u{fffd}" : String($0) }.joined()
    }
}

extension String {
    fileprivate func words(behind beginning: String) -> String? {
        hasPrefix(beginning) ? String(dropFirst(beginning.count)) : nil
    }
}

extension Archive.Contents {
    /// Three numbers as we print them.
    fileprivate init?(_ text: String) {
        let numbers = text.split(separator: " ", omittingEmptySubsequences: false).compactMap { Int64($0) }
        guard numbers.count == 3, numbers.allSatisfy({ $0 >= 0 }),
            numbers.map(String.init).joined(separator: " ") == text
        else { return nil }
        self.init(files: Int(numbers[0]), folders: Int(numbers[1]), bytes: numbers[2])
    }
}
