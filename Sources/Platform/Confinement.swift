internal import CPlatform
import Glibc

/// Gives up what reading the work of a stranger does not need.
package enum Confinement {
    /// The system refused.
    package struct Refused: Error, CustomStringConvertible {
        package let code: Int32
        package var description: String {
            "this process can't be confined: \(String(cString: strerror(code)))"
        }
    }

    /// From here on this thread, and all that it starts, reads and writes files below these folders alone, besides reading
    /// the system's libraries and what the kernel tells everybody of processes, and opens no socket; as far as the kernel
    /// knows Landlock and seccomp. What is open stays open. There is no way back.
    ///
    /// Other threads of the process stay as they are: to be called while there are none.
    /// - Throws: `Refused`
    package static func enter(_ folders: [String]) throws {
        let code = withCStrings(folders) { paths in
            platform_confine(UnsafeRawPointer(paths).assumingMemoryBound(to: UnsafePointer<CChar>?.self))
        }
        guard code == 0 else { throw Refused(code: code) }
    }
}
