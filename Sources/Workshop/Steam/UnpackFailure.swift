/// Why an archive was not unpacked; none of it gets better by trying again.
package enum UnpackFailure: Error, Hashable, Sendable, CustomStringConvertible {
    /// This farm was not told of a program that unpacks.
    case noProgram
    /// It is damaged, or it holds what no mod needs.
    case refused(String)
    case tooLarge(bytesMax: Int64)
    /// The program ended by a signal, as one does that was led astray.
    case crashed(signal: Int32)
    /// The program was killed: it used up its memory or its time on the processor.
    case killed
    /// The program did not come to an end, or put more on the disk than was asked of it.
    case unbounded(String)
    /// The program ended without saying how, in the form that is agreed on.
    case unclear(String)
    /// What lies there is not what the program says it made.
    case untrue(String)

    package var description: String {
        switch self {
        case .noProgram: "the file is an archive, and there is no program here that could unpack it"
        case .refused(let words): "the archive is refused: \(words)"
        case .tooLarge(let bytes): "the archive is refused: more than \(bytes) bytes come out of it"
        case .crashed(let signal): "the archive is refused: unpacking it crashed (signal \(signal))"
        case .killed: "the archive is refused: unpacking it took more memory or time than it may"
        case .unbounded(let words): "the archive is refused: unpacking it \(words)"
        case .unclear(let words): "the archive is refused: unpacking it ended without an answer (\(words))"
        case .untrue(let words): "the archive is refused: what came out is not what was told: \(words)"
        }
    }
}
