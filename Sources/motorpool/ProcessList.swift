internal import Glibc

/// What others of this machine may read of our command line.
enum ProcessList {
    /// Overwrites the values of these flags, which may hold secrets.
    ///
    /// Whoever looks in the moment before still sees them: a variable or a file is better.
    static func hideValues(of flags: Set<String>) {
        var isValue = false
        for index in 1..<max(1, Int(CommandLine.argc)) {
            guard let word = CommandLine.unsafeArgv[index] else { return }
            let text = String(cString: word)
            if text == "--", !isValue { return }
            if isValue {
                memset(word, Int32(UInt8(ascii: "x")), strlen(word))
                isValue = false
            } else if let equals = text.utf8.firstIndex(of: UInt8(ascii: "=")),
                flags.contains(String(text[..<equals]))
            {
                let start = text.utf8.distance(from: text.startIndex, to: equals) + 1
                memset(word + start, Int32(UInt8(ascii: "x")), strlen(word) - start)
            } else {
                isValue = flags.contains(text)
            }
        }
    }
}
