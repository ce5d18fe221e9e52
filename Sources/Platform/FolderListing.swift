internal import Glibc

/// What stands in a folder.
package enum FolderListing {
    /// The names in a folder, without `.` and `..`, in no order.
    ///
    /// - Parameter limit: so many are read, and no more.
    /// - Returns: `nil` when the folder can't be read; `errno` says why.
    package static func names(in folder: String, atMost limit: Int = .max) -> [String]? {
        guard let stream = opendir(folder) else { return nil }
        defer { closedir(stream) }
        var names: [String] = []
        while names.count < limit, let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }
}
