internal import Glibc

/// The program that is running, for those that are to call it.
enum OwnProgram {
    /// - Throws: `Refusal` when the system does not tell.
    static func path() throws -> String {
        guard let path = realpath("/proc/self/exe", nil) else {
            throw Refusal("the program does not know its own path", .configuration)
        }
        defer { free(path) }
        return String(cString: path)
    }
}
