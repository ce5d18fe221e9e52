/// An answer as a client reads it.
struct Heard: Sendable {
    var status: Int
    var fields: [(name: String, value: String)]
    var body: [UInt8]

    subscript(name: String) -> String? { fields.first { $0.name.lowercased() == name.lowercased() }?.value }

    var text: String { String(decoding: body, as: UTF8.self) }
    var isLast: Bool { self["Connection"] == "close" }

    struct Nonsense: Error { let what: String }

    /// The first answer in the bytes and how many it takes; `nil` when it is not whole yet.
    static func parse(_ bytes: [UInt8], isBodiless: Bool, isOver: Bool) throws -> (Heard, Int)? {
        guard let end = find([13, 10, 13, 10], in: bytes, from: 0) else { return nil }
        let lines = String(decoding: bytes[..<end], as: UTF8.self).split(separator: "\r\n")
        let start = lines[0].split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
        guard start.count == 3, start[0] == "HTTP/1.1", let status = Int(start[1]) else {
            throw Nonsense(what: String(lines[0]))
        }
        var heard = Heard(status: status, fields: [], body: [])
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { throw Nonsense(what: String(line)) }
            heard.fields.append(
                (String(line[..<colon]), String(line[line.index(after: colon)...].drop { $0 == " " })))
        }
        var position = end + 4
        if isBodiless || status < 200 || status == 204 || status == 304 { return (heard, position) }
        if heard["Transfer-Encoding"] == "chunked" {
            while true {
                guard let lineEnd = find([13, 10], in: bytes, from: position) else { return nil }
                let size = String(decoding: bytes[position..<lineEnd], as: UTF8.self)
                guard let count = Int(size, radix: 16) else { throw Nonsense(what: size) }
                position = lineEnd + 2
                guard bytes.count >= position + count + 2 else { return nil }
                guard bytes[position + count] == 13, bytes[position + count + 1] == 10 else {
                    throw Nonsense(what: "a chunk without its end")
                }
                heard.body += bytes[position..<(position + count)]
                position += count + 2
                if count == 0 { return (heard, position) }
            }
        }
        if let length = heard["Content-Length"].flatMap({ Int($0) }) {
            guard bytes.count >= position + length else { return nil }
            heard.body = Array(bytes[position..<(position + length)])
            return (heard, position + length)
        }
        guard isOver else { return nil }
        heard.body = Array(bytes[position...])
        return (heard, bytes.count)
    }

    /// Where the body begins; `nil` when the head is not whole yet.
    static func headEnd(_ bytes: [UInt8]) -> Int? {
        find([13, 10, 13, 10], in: bytes, from: 0).map { $0 + 4 }
    }

    private static func find(_ wanted: [UInt8], in bytes: [UInt8], from start: Int) -> Int? {
        guard bytes.count >= start + wanted.count else { return nil }
        return (start...(bytes.count - wanted.count)).first {
            bytes[$0..<($0 + wanted.count)].elementsEqual(wanted)
        }
    }
}
