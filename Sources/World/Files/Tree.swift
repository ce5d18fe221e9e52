import Glibc

/// A folder with all that stands in it.
package enum Tree {
    /// Removes a file, or a folder with all that is in it; nothing happens when there is nothing.
    ///
    /// Links are removed, not followed; rights that would keep the owner out are changed; depth does not matter. Nobody
    /// may be at work inside meanwhile.
    /// - Throws: `FileFault`.
    package static func remove(_ path: String) throws {
        var status = stat()
        guard lstat(path, &status) == 0 else {
            if errno == ENOENT || errno == ENOTDIR { return }
            throw FileFault("looking at \(path)")
        }
        guard status.isFolder else {
            guard unlink(path) == 0 || errno == ENOENT else { throw FileFault("removing \(path)") }
            return
        }
        _ = chmod(path, 0o700)
        try empty(try Folder(path))
        guard rmdir(path) == 0 || errno == ENOENT else { throw FileFault("removing the folder \(path)") }
    }

    /// Bytes on the disk of all that is in a folder, links not followed; what vanishes meanwhile counts as nothing.
    ///
    /// Looks at no more than `entriesMax` names, and says so by nil.
    package static func diskBytes(in path: String, entriesMax: Int = 200_000) -> Int64? {
        let weight = weight(of: path, entriesMax: entriesMax)
        return weight.entries > entriesMax ? nil : weight.bytes
    }

    /// The same, and how many names there are. The count ends at one more than `entriesMax`, and the bytes with it.
    ///
    /// A folder that keeps its owner out is opened to him first: nothing of a stranger's goes unweighed.
    static func weight(of path: String, entriesMax: Int) -> (bytes: Int64, entries: Int) {
        var bytes: Int64 = 0
        var entries = 0
        var unseen = [FileName(path)]
        while let next = unseen.popLast() {
            let folder: Folder
            do { folder = try openToUs(next) } catch {
                // Deeper than a path reaches: what lies there can't be weighed, so it counts as more than anything.
                if error.code == ENAMETOOLONG { return (bytes, .max) }
                continue
            }
            // What is gone meanwhile holds nothing.
            guard let names = try? folder.names() else { continue }
            for name in names {
                entries += 1
                guard entries <= entriesMax else { return (bytes, entries) }
                guard let status = folder.status(name) else { continue }
                bytes += Int64(status.st_blocks) * 512
                if status.isFolder { unseen.append(next.appending(name)) }
            }
        }
        return (bytes, entries)
    }

    private static func openToUs(_ path: FileName) throws(FileFault) -> Folder {
        do { return try Folder(opening: path) } catch {
            guard error.code == EACCES else { throw error }
            _ = fchmodat(AT_FDCWD, path.bytes, 0o700, AT_SYMLINK_NOFOLLOW)
            return try Folder(opening: path)
        }
    }

    /// Where a path leads in the end; `nil` when nothing is there.
    package static func realPath(_ path: String) -> String? {
        guard let real = realpath(path, nil) else { return nil }
        defer { free(real) }
        return String(cString: real)
    }

    /// Empties a folder without descending: what is a folder inside is emptied in its turn at the top, so that neither
    /// descriptors nor the stack nor the length of a path bounds the depth.
    private static func empty(_ top: Folder) throws {
        var lifted = 0
        while true {
            let folders = try clear(top)
            if folders.isEmpty { return }
            for name in folders {
                let inner = try top.folder(reclaiming: name)
                for each in try clear(inner) {
                    // Moving a folder writes its `..`, so it has to be the owner's to write.
                    _ = fchmodat(inner.descriptor, each.bytes, 0o700, 0)
                    repeat { lifted += 1 } while top.status(FileName(".lifted-\(lifted)")) != nil
                    guard renameat(inner.descriptor, each.bytes, top.descriptor, ".lifted-\(lifted)") == 0
                    else {
                        throw FileFault("moving the folder \(each.text)")
                    }
                }
                guard unlinkat(top.descriptor, name.bytes, AT_REMOVEDIR) == 0 || errno == ENOENT else {
                    throw FileFault("removing the folder \(name.text)")
                }
            }
        }
    }

    /// Removes what is no folder, and returns the names of the folders that are left.
    private static func clear(_ folder: Folder) throws -> [FileName] {
        try folder.names().filter { name in
            guard let status = folder.status(name) else { return false }
            if status.isFolder { return unlinkat(folder.descriptor, name.bytes, AT_REMOVEDIR) != 0 }
            guard unlinkat(folder.descriptor, name.bytes, 0) == 0 || errno == ENOENT else {
                throw FileFault("removing \(name.text)")
            }
            return false
        }
    }
}

extension stat {
    var isFolder: Bool { st_mode & S_IFMT == S_IFDIR }
    var isFile: Bool { st_mode & S_IFMT == S_IFREG }
}
