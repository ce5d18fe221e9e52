/// What one archive may use up.
package struct ArchiveLimits: Sendable, Equatable {
    /// Files and folders, those included that are only named on the way to a file.
    package var entriesMax = 100_000
    /// Bytes of all files together, as they come out.
    package var bytesMax: Int64 = 8 << 30
    /// Bytes of one file, as they come out.
    package var fileBytesMax: Int64 = 4 << 30
    /// How many times the archive's own size may come out of it, once `denseBytes` are out.
    package var ratioMax: Int64 = 200
    /// Up to here nobody asks for the ratio: small text is dense.
    package var denseBytes: Int64 = 10 << 20
    /// Bytes of a path in UTF-8.
    package var pathBytesMax = 1024
    /// How deep folders may be nested.
    package var depthMax = 64

    package init() {}
}
