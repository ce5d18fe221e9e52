internal import CPlatform

/// The memory of this process.
package enum Memory {
    /// Gives what was freed back to the system; takes some milliseconds. The C library keeps it otherwise, in one piece
    /// or many, for as long as the process lives.
    package static func giveBack() { platform_trim_memory() }
}
