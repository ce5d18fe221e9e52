internal import Glibc

/// Where people and scripts read: standard output and standard error.
enum Console {
    /// What we print fits a terminal of so many columns.
    static let widthMax = 100

    static let isOutputTerminal = isatty(STDOUT_FILENO) == 1
    static let isErrorTerminal = isatty(STDERR_FILENO) == 1
    static let hasColors = isOutputTerminal && getenv("NO_COLOR").map { $0.pointee == 0 } ?? true

    /// A line of the answer. When nobody reads it any more, the process ends in peace.
    static func print(_ line: String) {
        guard write(line + "\n", to: STDOUT_FILENO) else { _exit(ExitCode.ok.rawValue) }
    }

    /// A line about the answer, for people.
    static func complain(_ line: String) { _ = write(line + "\n", to: STDERR_FILENO) }

    /// Rewrites the current line of a terminal's standard error; nothing when that is none.
    static func update(_ line: String) {
        guard isErrorTerminal else { return }
        _ = write("\r\u{1b}[K" + line, to: STDERR_FILENO)
    }

    /// - Returns: whether everything was taken.
    static func write(_ text: String, to descriptor: Int32) -> Bool {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if errno == EAGAIN {
                var ready = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                poll(&ready, 1, 1000)
            } else if errno != EINTR {
                return false
            }
        }
        return true
    }

    /// Text from strangers, made harmless for a terminal: control characters are shown, not obeyed.
    static func harmless(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: isControl) else { return text }
        var safe = ""
        for scalar in text.unicodeScalars {
            if isControl(scalar) {
                safe += "\\u{\(String(scalar.value, radix: 16))}"
            } else {
                safe.unicodeScalars.append(scalar)
            }
        }
        return safe
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        // C0, DEL, C1, and the marks that turn the direction of writing around.
        scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value)
            || (0x202a...0x202e).contains(scalar.value)
            || (0x2066...0x2069).contains(scalar.value)
    }
}

/// Colours for a terminal; plain text elsewhere.
enum Color: Int {
    case red = 31
    case green = 32
    case yellow = 33
    case blue = 34
    case grey = 90

    func callAsFunction(_ text: String) -> String {
        Console.hasColors ? "\u{1b}[\(rawValue)m\(text)\u{1b}[0m" : text
    }
}
