/// What a host said. Any status is an answer; only what is no answer at all is an error.
package struct WebAnswer: Sendable {
    package let status: Int
    /// The fields of the last head, in their order, names as they came.
    package let headers: [(name: String, value: String)]
    /// Unpacked. Of a download only what is not the file: the words of a refusal, at most 64 KiB.
    package let body: [UInt8]
    /// As they came over the wire, without heads.
    package let wireBytes: Int64
    /// Where it came from, after redirects.
    package let address: WebAddress
    package let redirects: Int
    /// Of a download: how long the file is now; `nil` when the answer was no file.
    package let fileBytes: Int64?

    /// The first field of that name, in any case.
    package subscript(header name: String) -> String? { headers.first(named: name) }

    package var isSuccess: Bool { (200..<300).contains(status) }
}

extension [(name: String, value: String)] {
    func first(named name: String) -> String? { first { $0.name.lowercased() == name.lowercased() }?.value }

    func all(named name: String) -> [String] {
        filter { $0.name.lowercased() == name.lowercased() }.map(\.value)
    }
}
