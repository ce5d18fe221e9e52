/// A name as the system keeps it: bytes that need not be letters.
struct FileName {
    /// NUL at the end.
    let bytes: [CChar]

    init(_ text: String) { bytes = Array(text.utf8CString) }

    /// - Parameter bytes: NUL at the end.
    init(_ bytes: [CChar]) { self.bytes = bytes }

    /// For messages: what is no UTF-8 is repaired.
    var text: String { String(decoding: letters, as: UTF8.self) }

    /// The name when it is UTF-8, so that the same name comes back from the text.
    var exact: String? { String(validating: letters, as: UTF8.self) }

    /// A path one step longer.
    func appending(_ name: FileName) -> FileName {
        FileName(bytes.dropLast() + [CChar(bitPattern: UInt8(ascii: "/"))] + name.bytes)
    }

    private var letters: some Collection<UInt8> { bytes.dropLast().lazy.map { UInt8(bitPattern: $0) } }
}
