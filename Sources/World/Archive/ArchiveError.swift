/// Why an archive was not unpacked, or not made.
package enum ArchiveError: Error, Sendable, Equatable, CustomStringConvertible {
    /// It is none of the formats that are read.
    case noArchive
    /// It is damaged: what the library says.
    case unreadable(String)
    /// A member is packed in a way that is not unpacked here.
    case unsupported(String)
    /// A member is encrypted.
    case encrypted(String)
    /// Nothing is in it.
    case empty
    case tooManyEntries(entriesMax: Int)
    case tooLarge(bytesMax: Int64)
    case fileTooLarge(String, bytesMax: Int64)
    /// Much more comes out than an honest archive of this size holds.
    case tooDense(ratioMax: Int64)
    /// The name leads outside, or is none.
    case badName(String)
    /// Neither a file nor a folder.
    case notPlain(String)
    /// Two members that a file system somewhere would take for one.
    case collision(String)
    /// A file became longer, shorter or another while it was read.
    case changed(String)

    package var description: String {
        switch self {
        case .noArchive: "it is no archive of a kind that is unpacked here"
        case .unreadable(let reason): "it cannot be read: \(reason)"
        case .unsupported(let what): "it is packed in a way that is not unpacked here: \(what)"
        case .encrypted(let name): "\(name.quoted) is encrypted"
        case .empty: "nothing is in it"
        case .tooManyEntries(let count): "there are more than \(count) files and folders in it"
        case .tooLarge(let bytes): "more than \(bytes) bytes come out of it"
        case .fileTooLarge(let name, let bytes): "more than \(bytes) bytes come out of \(name.quoted)"
        case .tooDense(let ratio): "more than \(ratio) times its size comes out of it"
        case .badName(let name): "\(name.quoted) is no name of a file inside a folder"
        case .notPlain(let name): "\(name.quoted) is neither a file nor a folder"
        case .collision(let name): "\(name.quoted) is there already, by this or a confusable name"
        case .changed(let name): "\(name.quoted) changed while it was read"
        }
    }
}

extension String {
    /// For a message: a stranger's name, no longer than a line and without what would move a terminal's cursor.
    fileprivate var quoted: String {
        let plain = unicodeScalars.prefix(120).map {
            $0.value < 0x20 || $0.value == 0x7f ? "\u{fffd}" : String($0)
        }
        return "\"" + plain.joined() + "\""
    }
}
