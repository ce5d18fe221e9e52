import Glibc
import Platform
import TestSupport

/// Speaks HTTP as it is written, over a connection a request.
struct RawClient: Sendable {
    let port: UInt16

    struct Answer: Sendable {
        let text: String

        var status: Int { Int(text.dropFirst(9).prefix(3)) ?? 0 }
        var body: String { text.firstRange(of: "\r\n\r\n").map { String(text[$0.upperBound...]) } ?? "" }

        func header(_ name: String) -> String? {
            let head = text.split(separator: "\r\n", omittingEmptySubsequences: false).dropFirst().prefix {
                !$0.isEmpty
            }
            return head.first { $0.lowercased().hasPrefix(name.lowercased() + ": ") }.map {
                String($0.dropFirst(name.count + 2))
            }
        }
    }

    /// Sends a request and reads until the other end closes.
    func ask(_ method: String, _ target: String, _ body: String = "", headers: [String] = []) async throws
        -> Answer
    {
        let fields =
            ["Host: localhost:\(port)", "Connection: close", "Content-Length: \(body.utf8.count)"] + headers
        let text = "\(method) \(target) HTTP/1.1\r\n" + fields.map { $0 + "\r\n" }.joined() + "\r\n" + body
        return Answer(text: try await blocking("client") { try exchange(text) })
    }

    private func exchange(_ text: String) throws -> String {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw Broken(description: "no socket") }
        defer { close(descriptor) }
        var limit = timeval(tv_sec: 40, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else { throw Broken(description: "no connection to port \(port)") }
        let bytes = Array(text.utf8)
        guard send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else {
            throw Broken(description: "the request was not taken")
        }
        var answer: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = recv(descriptor, &piece, piece.count, 0)
            guard count > 0 else { break }
            answer += piece[..<count]
        }
        return String(decoding: answer, as: UTF8.self)
    }
}
