import Platform

/// What Python says of ZIPs: a reader that shares nothing with the writer.
struct ZipWitness: Sendable {
    struct Word: Sendable {
        /// Every member unpacks to its checksum, and every file is packed with bzip2.
        let isWhole: Bool
        let files: Int
        /// Unpacked.
        let bytes: Int64
    }

    /// By the name of the file.
    let words: [String: Word]

    private static let program = """
        import os, sys, zipfile
        for name in os.listdir(sys.argv[1]):
            try:
                with zipfile.ZipFile(os.path.join(sys.argv[1], name)) as zip:
                    files = [member for member in zip.infolist() if not member.is_dir()]
                    packed = all(member.compress_type == zipfile.ZIP_BZIP2 for member in files)
                    whole = zip.testzip() is None and packed
                    print(name, int(whole), len(files), sum(member.file_size for member in files))
            except Exception:
                print(name, 0, 0, 0)
        """

    /// Reads every file of a folder through.
    static func read(_ folder: String) async throws -> ZipWitness {
        let output = try await ChildProcess.run(
            ["/usr/bin/python3", "-c", program, folder], environment: ["PATH": "/usr/bin:/bin"],
            directory: "/",
            deadline: .seconds(120))
        guard output.status.isSuccess else { throw TortureError("python3 \(output.status): \(output.text)") }
        var words: [String: Word] = [:]
        for line in output.text.split(separator: "\n") {
            let parts = line.split(separator: " ")
            guard parts.count == 4, let files = Int(parts[2]), let bytes = Int64(parts[3]) else { continue }
            words[String(parts[0])] = Word(isWhole: parts[1] == "1", files: files, bytes: bytes)
        }
        return ZipWitness(words: words)
    }
}
