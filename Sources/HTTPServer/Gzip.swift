internal import CZlib

/// Compresses one body at a time.
final class Gzip {
    /// What may be packed without letting others have their turn, in bytes.
    static let stepBytes = 65_536
    /// Above it, time doubles for a few per cent.
    private static let level: Int32 = 4

    private let stream: UnsafeMutablePointer<z_stream>

    /// `nil` when there is no memory.
    init?() {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        guard zlib_gzip_init(stream, Self.level) == Z_OK else { return nil }
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
    }

    /// Appends what is ready of the packed form; all of it with the last piece.
    func pack(_ bytes: ArraySlice<UInt8>, isLast: Bool, into packed: inout [UInt8]) {
        // What was not packed yet may have been kept from before, so the bound is a good first guess and no promise.
        var room = Int(deflateBound(stream, UInt(bytes.count))) + 64
        bytes.withUnsafeBufferPointer { source in
            stream.pointee.next_in = UnsafeMutablePointer(mutating: source.baseAddress)
            stream.pointee.avail_in = UInt32(source.count)
            repeat {
                let part = [UInt8](unsafeUninitializedCapacity: room) { target, count in
                    stream.pointee.next_out = target.baseAddress
                    stream.pointee.avail_out = UInt32(room)
                    deflate(stream, isLast ? Z_FINISH : Z_NO_FLUSH)
                    count = room - Int(stream.pointee.avail_out)
                }
                packed += part
                room = Self.stepBytes
            } while stream.pointee.avail_out == 0
            stream.pointee.next_in = nil
        }
    }

    /// Makes ready for another body.
    func reset() { deflateReset(stream) }
}
