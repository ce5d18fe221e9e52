internal import CBrotli
internal import CZlib

/// Undoes gzip or brotli, piece by piece, and knows whether the end has come.
///
/// Ours rather than libcurl's, which takes a stream that breaks off inside for a whole one.
final class Unpacker {
    private enum Stream {
        case gzip(UnsafeMutablePointer<z_stream>)
        case brotli(OpaquePointer)
    }

    private static let pieceBytes = 32 << 10

    private let stream: Stream
    private let piece = UnsafeMutablePointer<UInt8>.allocate(capacity: Unpacker.pieceBytes)
    /// Nothing has come since the last end.
    private var isBetween = true
    private var hasEnded = false

    /// `nil` for a coding that nobody asked for.
    init?(_ coding: String) {
        switch coding {
        case "gzip", "x-gzip":
            let gzip = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
            gzip.initialize(to: z_stream())
            // 16 on top of the window: gzip and nothing else.
            let code = inflateInit2_(gzip, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
            precondition(code == Z_OK, "zlib has no memory")
            stream = .gzip(gzip)
        case "br":
            guard let brotli = BrotliDecoderCreateInstance(nil, nil, nil) else {
                preconditionFailure("brotli has no memory")
            }
            stream = .brotli(brotli)
        default: return nil
        }
    }

    deinit {
        switch stream {
        case .gzip(let gzip):
            inflateEnd(gzip)
            gzip.deallocate()
        case .brotli(let brotli): BrotliDecoderDestroyInstance(brotli)
        }
        piece.deallocate()
    }

    /// Unpacks; `take` gets what comes out, at most 32 KiB at a time.
    /// - Throws: `WebError.protocol` for what was never packed so; what `take` throws.
    func feed(
        _ bytes: UnsafeRawBufferPointer, _ take: (UnsafeRawBufferPointer) throws(WebError) -> Void
    ) throws(WebError) {
        guard let start = bytes.bindMemory(to: UInt8.self).baseAddress, !bytes.isEmpty else { return }
        switch stream {
        case .gzip(let gzip): try inflate(gzip, start, bytes.count, take)
        case .brotli(let brotli): try decompress(brotli, start, bytes.count, take)
        }
    }

    /// Whether what was fed is whole. Nothing at all is.
    var isWhole: Bool { isBetween }

    private func inflate(
        _ gzip: UnsafeMutablePointer<z_stream>, _ start: UnsafePointer<UInt8>, _ count: Int,
        _ take: (UnsafeRawBufferPointer) throws(WebError) -> Void
    ) throws(WebError) {
        gzip.pointee.next_in = UnsafeMutablePointer(mutating: start)
        gzip.pointee.avail_in = uInt(count)
        repeat {
            isBetween = false
            gzip.pointee.next_out = piece
            gzip.pointee.avail_out = uInt(Self.pieceBytes)
            let code = CZlib.inflate(gzip, Z_NO_FLUSH)
            guard code == Z_OK || code == Z_STREAM_END || code == Z_BUF_ERROR else {
                throw .protocol("what is called gzip can't be unpacked")
            }
            let made = Self.pieceBytes - Int(gzip.pointee.avail_out)
            if made > 0 { try take(UnsafeRawBufferPointer(start: piece, count: made)) }
            if code == Z_STREAM_END {
                // Another member may follow.
                isBetween = true
                inflateReset(gzip)
            } else if made < Self.pieceBytes, gzip.pointee.avail_in == 0 || code == Z_BUF_ERROR {
                return
            }
        } while gzip.pointee.avail_in > 0 || !isBetween
    }

    private func decompress(
        _ brotli: OpaquePointer, _ start: UnsafePointer<UInt8>, _ count: Int,
        _ take: (UnsafeRawBufferPointer) throws(WebError) -> Void
    ) throws(WebError) {
        var left = count
        var next: UnsafePointer<UInt8>? = start
        guard !hasEnded else { throw .protocol("something stands behind the end of the brotli") }
        isBetween = false
        while true {
            var room = Self.pieceBytes
            var out: UnsafeMutablePointer<UInt8>? = piece
            let result = BrotliDecoderDecompressStream(brotli, &left, &next, &room, &out, nil)
            let made = Self.pieceBytes - room
            if made > 0 { try take(UnsafeRawBufferPointer(start: piece, count: made)) }
            switch result {
            case BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT: continue
            case BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT: return
            case BROTLI_DECODER_RESULT_SUCCESS:
                guard left == 0 else { throw .protocol("something stands behind the end of the brotli") }
                (hasEnded, isBetween) = (true, true)
                return
            default: throw .protocol("what is called brotli can't be unpacked")
            }
        }
    }
}
