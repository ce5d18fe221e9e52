import Glibc

/// The file system refused something.
package struct FileFault: Error, Sendable, CustomStringConvertible {
    /// What was tried, with the file's name.
    package let deed: String
    /// The number of the error, `ENOSPC` for a full disk.
    package let code: Int32

    package var description: String { "\(deed): \(String(cString: strerror(code)))" }

    /// - Parameter code: Taken from `errno` when it is not given.
    package init(_ deed: String, code: Int32 = errno) {
        self.deed = deed
        self.code = code
    }
}
