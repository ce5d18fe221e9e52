import Glibc

/// The project's files, for tests that read them.
package enum Checkout {
    /// The folder of Package.swift: the one that `./test` says, else the one that this file was compiled in.
    package static var path: String {
        if let told = getenv("MOTORPOOL_CHECKOUT"), told.pointee != 0 { return String(cString: told) }
        let here = #filePath.split(separator: "/", omittingEmptySubsequences: false)
        return here.dropLast(3).joined(separator: "/")
    }
}
