import Testing
import World

@Suite("A file's first bytes")
struct ArchiveSignTests {
    private static let beginning =
        "import sys, io, gzip, bz2, lzma, zipfile, tarfile\npath = sys.argv[1]\ndef tar(mode, format=tarfile.GNU_FORMAT):\n"
        + "    t = tarfile.open(path, mode, format=format)\n    t.addfile(tarfile.TarInfo('a'))\n    t.close()\n"

    @Test(
        "say what it is, whatever it is called",
        arguments: [
            ("zipfile.ZipFile(path, 'w').writestr('a', b'x')", .zip),
            ("zipfile.ZipFile(path, 'w').close()", .zip),
            ("tar('w')", .tar), ("tar('w', tarfile.PAX_FORMAT)", .tar), ("tar('w:gz')", .wrapped),
            ("tar('w:bz2')", .wrapped), ("gzip.open(path, 'wb').write(b'x')", .wrapped),
            (
                """
                tar('w')
                d = bytearray(open(path, 'rb').read())
                d[257:265] = bytes(8)
                d[148:156] = b'%06o\\0 ' % (sum(d[:148]) + 256 + sum(d[156:512]))
                open(path, 'wb').write(d)
                """, .tar
            ),
            ("lzma.open(path, 'wb').write(b'x')", nil), ("open(path, 'wb').write(b'hello' * 1000)", nil),
            ("open(path, 'wb').write(bytes(1000))", nil), ("open(path, 'wb').write(b'PK')", nil),
            ("open(path, 'wb')", nil), ("open(path, 'wb').write(b'MZ' + b'PK\\3\\4' * 200)", nil),
        ] as [(String, ArchiveSign?)])
    func known(program: String, sign: ArchiveSign?) async throws {
        try await withScratch { scratch in
            try await python(Self.beginning + program, scratch + "/picture.png")
            #expect(try ArchiveSign.of(scratch + "/picture.png") == sign)
        }
    }

    @Test("are not read through a link, and not for ever")
    func link() async throws {
        try await withScratch { scratch in
            #expect(throws: FileFault.self) { try ArchiveSign.of(scratch + "/nothing") }
            #expect(throws: FileFault.self) { try ArchiveSign.of("/proc/self/exe") }
        }
    }
}
