internal import Glibc

/// Looks over the raw bytes of a head for what the parser lets through, and counts them.
///
/// It finds, in whatever pieces the head comes: folded lines (a field hidden in another's value), empty field names,
/// protocols that are not HTTP/1.0 or 1.1, and heads and targets that are too large.
struct HeadScan {
    private enum Place {
        case beforeRequest
        case inRequestLine
        case atLineStart
        case inField
        case done
    }

    private let headBytesMax: Int
    private let requestLineBytesMax: Int
    private let targetBytesMax: Int
    private var place = Place.beforeRequest
    private var count = 0
    private var emptyLines = 0
    /// The last eight bytes of the request line so far.
    private var tail: UInt64 = 0

    // The first letter has no room; the parser checks it.
    private static let http11 = tail(of: "TTP/1.1\r")
    private static let http10 = tail(of: "TTP/1.0\r")

    init(_ settings: HTTPSettings) {
        headBytesMax = settings.headBytesMax
        targetBytesMax = settings.targetBytesMax
        // The longest method and the protocol stand around the target.
        requestLineBytesMax = settings.targetBytesMax + 32
    }

    /// Whether the head is past; then every byte is fine.
    var isDone: Bool { place == .done }

    /// Whether a byte of a request was seen, empty lines before it apart.
    var hasBegun: Bool { place != .beforeRequest }

    /// Bytes of the head, all told, once it is past.
    var headBytes: Int { emptyLines + count + 2 }

    /// Takes the next bytes.
    ///
    /// - Returns: `nil` when they are fine; else how many of them are, and what is wrong with the next.
    mutating func take(_ bytes: UnsafeRawBufferPointer) -> (fine: Int, refusal: Refusal)? {
        var position = 0
        while position < bytes.count {
            switch place {
            case .done:
                return nil
            case .beforeRequest:
                guard bytes[position] != 13, bytes[position] != 10 else {
                    emptyLines += 1
                    if emptyLines > headBytesMax { return (position, .headTooLarge(headBytesMax)) }
                    position += 1
                    continue
                }
                place = .inRequestLine
            case .atLineStart:
                switch bytes[position] {
                case 32, 9:
                    return (position, .badRequest("a field on one line was expected, not a folded one"))
                case 58:
                    return (position, .badRequest("a field name was expected before the colon"))
                case 10:
                    return (position, .badRequest("lines that end with CR and LF were expected"))
                case 13:
                    place = .done
                    return nil
                default:
                    place = .inField
                }
            case .inRequestLine, .inField:
                let rest = bytes.count - position
                let found = memchr(bytes.baseAddress! + position, 10, rest)
                let end = found.map { bytes.baseAddress!.distance(to: UnsafeRawPointer($0)) } ?? bytes.count
                if let refusal = count(bytes, from: position, to: end, isWhole: found != nil) {
                    return refusal
                }
                guard found != nil else { return nil }
                position = end + 1
                if place == .inRequestLine, tail != Self.http11, tail != Self.http10 {
                    return (
                        end, .badRequest("HTTP/1.1 or HTTP/1.0 was expected at the end of the request line")
                    )
                }
                place = .atLineStart
            }
        }
        return nil
    }

    private mutating func count(
        _ bytes: UnsafeRawBufferPointer, from start: Int, to end: Int, isWhole: Bool
    ) -> (fine: Int, refusal: Refusal)? {
        count += end - start
        if place == .inRequestLine {
            let excess = count - requestLineBytesMax
            if excess > 0 { return (max(start, end - excess), .targetTooLong(targetBytesMax)) }
            for byte in bytes[max(start, end - 8)..<end] { tail = tail << 8 | UInt64(byte) }
        }
        if isWhole { count += 1 }
        let excess = count - headBytesMax
        return excess > 0 ? (max(start, end - excess), .headTooLarge(headBytesMax)) : nil
    }

    private static func tail(of text: StaticString) -> UInt64 {
        text.withUTF8Buffer { $0.reduce(0) { $0 << 8 | UInt64($1) } }
    }
}
