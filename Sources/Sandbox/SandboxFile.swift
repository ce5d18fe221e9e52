internal import Glibc

/// The sandbox could not make what it needs.
package struct SandboxFault: Error, CustomStringConvertible {
    package let description: String

    init(_ deed: String) { description = "\(deed): \(String(cString: strerror(errno)))" }
}

/// Files of the sandbox's own.
enum SandboxFile {
    static func makeFolders(_ path: String) throws(SandboxFault) {
        var made = path.hasPrefix("/") ? "" : "."
        for part in path.split(separator: "/") {
            made += "/" + part
            guard mkdir(made, 0o755) == 0 || errno == EEXIST else { throw SandboxFault("making \(made)") }
        }
    }

    static func write(_ path: String, _ bytes: [UInt8], isExecutable: Bool = false) throws(SandboxFault) {
        // Beside it first: a script that is being run is not written into.
        let part = path + ".new"
        let file = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, isExecutable ? 0o755 : 0o644)
        guard file >= 0 else { throw SandboxFault("making \(part)") }
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
            guard count > 0 else {
                close(file)
                throw SandboxFault("writing \(part)")
            }
            rest = rest.dropFirst(count)
        }
        close(file)
        guard rename(part, path) == 0 else { throw SandboxFault("naming \(path)") }
    }

    /// As one word of a shell.
    static func quoted(_ text: String) -> String { "'" + text.replacing("'", with: "'\\''") + "'" }
}
