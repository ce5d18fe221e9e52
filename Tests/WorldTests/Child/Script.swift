import FoundationEssentials
import Glibc

/// Programs made by tests.
enum Script {
    /// Writes a shell script that may be run.
    static func write(_ text: String, in folder: String) throws -> String {
        let path = folder + "/script-\(UInt32.random(in: 0 ... .max))"
        try put("#!/bin/sh\n" + text + "\n", to: path)
        chmod(path, 0o755)
        return path
    }

    /// The living processes whose working folder is this one or below.
    static func survivors(of folder: String) -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.filter { name in
            guard Int32(name) != nil, Int32(name) != getpid() else { return false }
            let place = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(name)/cwd")
            return place?.hasPrefix(folder) == true
        }
    }
}
