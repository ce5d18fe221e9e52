import Glibc
import Platform
import TestSupport
import Testing

@Suite("motorpool unpack")
struct UnpackTests {
    /// Lends a folder with what a Python program has made as `file`.
    private func withFile<T>(
        _ program: String, _ body: (_ folder: String) async throws -> T
    ) async throws -> T {
        try await withFolder([:]) { folder in
            let output = try await ChildProcess.run(
                [
                    "/usr/bin/python3", "-c",
                    "import sys, gzip, zipfile\npath = sys.argv[1]\n" + program,
                    folder + "/file",
                ], environment: ["PATH": "/usr/bin:/bin"], deadline: .seconds(30))
            try #require(output.status.isSuccess, "\(output.text)")
            return try await body(folder)
        }
    }

    static let ends: [(program: String, code: Int32, line: String)] = [
        (
            """
            z = zipfile.ZipFile(path, 'w')
            z.writestr('a', b'first')
            z.writestr('d/b', b'second')
            z.close()
            """, 0, "unpacked 2 1 11"
        ),
        ("gzip.open(path, 'wb').write(b'x' * 1000)", 40, "no archive"),
        ("zipfile.ZipFile(path, 'w').writestr('a', bytes(1001))", 41, "too large"),
        (
            "zipfile.ZipFile(path, 'w').writestr('../a', b'x')", 42,
            "refused \"../a\" is no name of a file inside a folder"
        ),
        (
            "zipfile.ZipFile(path, 'w').writestr('a\\x1b[2J\\u202e', b'x')", 42,
            "refused \"a\u{fffd}[2J\u{fffd}\" is no name of a file inside a folder"
        ),
        ("import os; os.mkdir(path + 's'); open(path, 'wb')", 43, "File exists"),
    ]

    @Test("tells its end by a code and one line", arguments: ends)
    func end(program: String, code: Int32, line: String) async throws {
        try await withFile(program) { folder in
            let answer = try await Program()("unpack", folder + "/file", folder + "/files", "1000")
            #expect(answer.code == code)
            let isLine = code == 43 ? answer.text.hasSuffix(line + "\n") : answer.text == line + "\n"
            #expect(isLine, "\(answer.text)")
            #expect((access(folder + "/files", F_OK) == 0) == (code == 0 || code == 43))
        }
    }

    @Test("needs no more memory than its limit for the longest of names")
    func memory() async throws {
        let program = """
            z = zipfile.ZipFile(path, 'w')
            for i in range(30000): z.writestr(zipfile.ZipInfo('%06d' % i + 'n' * 200), b'')
            z.close()
            """
        try await withFile(program) { folder in
            let output = try await ChildProcess.run(
                [
                    "/bin/sh", "-c", "ulimit -v 524288; exec \"$@\"", "sh", TestServer.binary(), "unpack",
                    folder + "/file", folder + "/files", "100000000",
                ], environment: ["MALLOC_ARENA_MAX": "1"], deadline: .seconds(60))
            #expect(output.status == .exited(0))
            #expect(output.text == "unpacked 30000 0 0\n")
        }
    }

    @Test("is told about when asked, and not listed")
    func help() async throws {
        for name in ["unpack", "sandbox-steamcmd"] {
            #expect(try await Program()("help", name).text.contains("Usage: motorpool \(name)"))
            #expect(!(try await Program()("help").text.contains(name)))
            #expect(!(try await Program()("nope").text.contains(name)))
        }
        #expect(try await Program()("unpack", "/nowhere").code == 64)
        #expect(try await Program()("unpack", "/nowhere", "/nowhere/files", "many").code == 64)
        #expect(try await Program()("unpack", "/nowhere", "/nowhere/files", "1").code == 43)
    }
}
