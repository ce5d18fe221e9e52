internal import Glibc

/// A folder of our own with all that is in it.
package enum FolderTree {
    /// Removes it, or a file; what can't be removed stays. Links are removed, not followed.
    ///
    /// Not for folders into which somebody else writes meanwhile: whoever exchanges a folder for a link then leads it away.
    package static func remove(_ path: String) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            unlink(path)
            return
        }
        for name in FolderListing.names(in: path) ?? [] { remove(path + "/" + name) }
        rmdir(path)
    }
}
