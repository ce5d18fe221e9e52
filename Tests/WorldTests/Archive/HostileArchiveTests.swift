import Glibc
import Testing
import World

@Suite("A hostile archive")
struct HostileArchiveTests {
    struct Trick: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let program: String
        let isRefused: @Sendable (ArchiveError) -> Bool

        /// A ZIP with these members, as Python expressions of name and content.
        init(
            _ name: String, zip members: [(String, String)],
            _ isRefused: @escaping @Sendable (ArchiveError) -> Bool
        ) {
            let lines = members.map { "z.writestr(zipfile.ZipInfo(\($0.0)), \($0.1))" }
            self.init(
                name, (["z = zipfile.ZipFile(path, 'w')"] + lines + ["z.close()"]).joined(separator: "\n"),
                isRefused)
        }

        /// A tar whose members this program adds to `t`.
        init(_ name: String, tar program: String, _ isRefused: @escaping @Sendable (ArchiveError) -> Bool) {
            self.init(
                name,
                """
                t = tarfile.open(path, 'w')
                def add(name, type=tarfile.REGTYPE, link='', data=b''):
                    i = tarfile.TarInfo(name)
                    i.type, i.linkname, i.size = type, link, len(data)
                    t.addfile(i, io.BytesIO(data))
                \(program)
                t.close()
                """, isRefused)
        }

        init(_ name: String, _ program: String, _ isRefused: @escaping @Sendable (ArchiveError) -> Bool) {
            testDescription = name
            self.program = "import sys, io, struct, gzip, zipfile, tarfile\npath = sys.argv[1]\n" + program
            self.isRefused = isRefused
        }
    }

    private static let isBadName: @Sendable (ArchiveError) -> Bool = {
        if case .badName = $0 { true } else { false }
    }
    private static let isNotPlain: @Sendable (ArchiveError) -> Bool = {
        if case .notPlain = $0 { true } else { false }
    }
    private static let isCollision: @Sendable (ArchiveError) -> Bool = {
        if case .collision = $0 { true } else { false }
    }
    private static let isUnreadable: @Sendable (ArchiveError) -> Bool = {
        if case .unreadable = $0 { true } else { false }
    }

    static let tricks: [Trick] =
        [
            "'../x'", "'a/../../x'", "'/etc/x'", "'..'", "'a/..'", "'//x'", "'C:x'", "'a\\\\..\\\\..\\\\x'",
            "'a\\nb'",
            "'./'", "'/'.join(['d'] * 70)", "'n' * 256", "'/'.join(['n' * 200] * 6)", "'\\x7f'",
        ].map { Trick("names a member \($0)", zip: [($0, "b'x'")], isBadName) } + [
            Trick("climbs out of a tar", tar: "add('a/../../x', data=b'x')", isBadName),
            Trick("is absolute in a tar", tar: "add('/tmp/x', data=b'x')", isBadName),
            Trick("has a link in a tar", tar: "add('l', tarfile.SYMTYPE, '/etc/passwd')", isNotPlain),
            Trick(
                "has a link to a folder and a file through it",
                tar: "add('l', tarfile.SYMTYPE, '..'); add('l/x', data=b'x')", isNotPlain),
            Trick("has a hard link", tar: "add('l', tarfile.LNKTYPE, '/etc/passwd')", isNotPlain),
            Trick("has a hard link to its own", tar: "add('a'); add('l', tarfile.LNKTYPE, 'a')", isNotPlain),
            Trick("has a character device", tar: "add('d', tarfile.CHRTYPE)", isNotPlain),
            Trick("has a block device", tar: "add('d', tarfile.BLKTYPE)", isNotPlain),
            Trick("has a pipe", tar: "add('d', tarfile.FIFOTYPE)", isNotPlain),
            Trick(
                "has a link in a ZIP",
                """
                z = zipfile.ZipFile(path, 'w')
                i = zipfile.ZipInfo('l')
                i.create_system, i.external_attr = 3, 0o120777 << 16
                z.writestr(i, '/etc/passwd')
                z.close()
                """, isNotPlain),
            Trick("has one name twice", zip: [("'a'", "b'1'"), ("'a'", "b'2'")], isCollision),
            Trick("has one name in two cases", zip: [("'Read'", "b'1'"), ("'read'", "b'2'")], isCollision),
            Trick("has folders in two cases", zip: [("'D/a'", "b'1'"), ("'d/b'", "b'2'")], isCollision),
            Trick(
                "has one name composed and not", zip: [("'\\u00e9'", "b'1'"), ("'e\\u0301'", "b'2'")],
                isCollision),
            Trick("has a name with a dot at its end", zip: [("'a'", "b'1'"), ("'a.'", "b'2'")], isCollision),
            Trick("has a file where a folder is", zip: [("'a/b'", "b'1'"), ("'a'", "b'2'")], isCollision),
            Trick("has a folder where a file is", zip: [("'a'", "b'1'"), ("'a/b'", "b'2'")], isCollision),
            Trick(
                "is a bomb",
                """
                z = zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED)
                with z.open('zeros', 'w') as f:
                    for _ in range(200): f.write(bytes(1 << 20))
                z.close()
                """
            ) { $0 == .tooDense(ratioMax: 200) },
            Trick(
                "is a bomb of bzip2",
                """
                z = zipfile.ZipFile(path, 'w', zipfile.ZIP_BZIP2)
                with z.open('zeros', 'w') as f:
                    for _ in range(200): f.write(bytes(1 << 20))
                z.close()
                """
            ) { $0 == .tooDense(ratioMax: 200) },
            Trick(
                "is a bomb that calls itself small",
                """
                z = zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED)
                z.writestr('zeros', bytes(200 << 20))
                z.close()
                d = open(path, 'rb').read().replace(struct.pack('<I', 200 << 20), struct.pack('<I', 5))
                open(path, 'wb').write(d)
                """
            ) { $0 == .tooDense(ratioMax: 200) || isUnreadable($0) },
            Trick(
                "is a bomb of many members on the same bytes",
                """
                z = zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED)
                z.writestr('0000', bytes(8 << 20))
                z.close()
                d = open(path, 'rb').read()
                at = d.index(b'PK\\1\\2')
                entry = d[at:d.index(b'PK\\5\\6')]
                many = b''.join(entry.replace(b'0000', b'%04d' % i) for i in range(3000))
                end = struct.pack('<IHHHHIIH', 0x06054b50, 0, 0, 3000, 3000, len(many), at, 0)
                open(path, 'wb').write(d[:at] + many + end)
                """
            ) { $0 == .tooDense(ratioMax: 200) || isUnreadable($0) },
            Trick(
                "is a bomb around a tar",
                """
                f = gzip.open(path, 'wb')
                i = tarfile.TarInfo('zeros')
                i.size = 200 << 20
                f.write(i.tobuf())
                for _ in range(200): f.write(bytes(1 << 20))
                f.close()
                """
            ) { $0 == .tooDense(ratioMax: 200) },
            Trick(
                "is a bomb in the names of a tar",
                """
                f = gzip.open(path, 'wb')
                i = tarfile.TarInfo('././@LongLink')
                i.type, i.size = b'L', 200 << 20
                f.write(i.tobuf())
                for _ in range(200): f.write(b'n' * (1 << 20))
                f.close()
                """
            ) { _ in true },
            Trick(
                "is compressed twice",
                """
                b = io.BytesIO()
                t = tarfile.open(fileobj=b, mode='w:gz')
                t.addfile(tarfile.TarInfo('a'))
                t.close()
                gzip.open(path, 'wb').write(b.getvalue())
                """
            ) { $0 == .unsupported("compressed twice") },
            Trick(
                "is packed with LZMA",
                """
                z = zipfile.ZipFile(path, 'w', zipfile.ZIP_LZMA)
                z.writestr('a', b'x' * 1000)
                z.close()
                """
            ) { if case .unsupported = $0 { true } else { false } },
            Trick(
                "is encrypted",
                """
                z = zipfile.ZipFile(path, 'w')
                z.writestr('a', b'x' * 100)
                z.close()
                d = bytearray(open(path, 'rb').read())
                d[6] |= 1
                d[d.index(b'PK\\1\\2') + 8] |= 1
                open(path, 'wb').write(d)
                """
            ) { $0 == .encrypted("a") },
            Trick(
                "has a wrong checksum",
                """
                z = zipfile.ZipFile(path, 'w')
                z.writestr('a', b'honest')
                z.close()
                d = open(path, 'rb').read().replace(b'honest', b'forged')
                open(path, 'wb').write(d)
                """, isUnreadable),
            Trick(
                "is cut off",
                """
                z = zipfile.ZipFile(path, 'w')
                z.writestr('a', b'x' * 100000)
                z.close()
                d = open(path, 'rb').read()
                open(path, 'wb').write(d[:50000])
                """
            ) { $0 == .noArchive },
            Trick(
                "is a tar cut off",
                """
                f = open(path, 'wb')
                i = tarfile.TarInfo('a')
                i.size = 1 << 40
                f.write(i.tobuf() + b'x' * 100000)
                """, isUnreadable),
            Trick(
                "has a directory of members that lies elsewhere",
                """
                z = zipfile.ZipFile(path, 'w')
                z.writestr('a', b'x')
                z.close()
                d = bytearray(open(path, 'rb').read())
                at = d.index(b'PK\\1\\2')
                d[at + 42:at + 46] = struct.pack('<I', 0x7ffffff0)
                open(path, 'wb').write(d)
                """, isUnreadable),
            Trick(
                "has more members than are taken",
                """
                z = zipfile.ZipFile(path, 'w')
                for i in range(100001): z.writestr(zipfile.ZipInfo('%d' % i), b'')
                z.close()
                """
            ) { $0 == .tooManyEntries(entriesMax: 100_000) },
            Trick(
                "names one folder without end",
                """
                z = zipfile.ZipFile(path, 'w')
                for i in range(100001): z.writestr(zipfile.ZipInfo('d/'), b'')
                z.close()
                """
            ) { $0 == .tooManyEntries(entriesMax: 100_000) },
            Trick("is no archive", "open(path, 'wb').write(b'hello' * 1000)") { $0 == .noArchive },
            Trick("is compressed and no archive", "gzip.open(path, 'wb').write(b'hello' * 1000)") {
                $0 == .noArchive
            },
            Trick("is nothing", "open(path, 'wb')") { $0 == .noArchive || $0 == .empty },
            Trick("has only folders", zip: [("'d/'", "b''")]) { $0 == .empty },
        ]

    @Test("is refused, and nothing of it stays, inside or outside", arguments: tricks)
    func refused(trick: Trick) async throws {
        try await withScratch { scratch in
            try makeFolder(scratch + "/in/side")
            try await python(trick.program, scratch + "/archive")
            let told = Told<Int64>()
            let error = await #expect(throws: ArchiveError.self) {
                try await Archive.unpack(scratch + "/archive", into: scratch + "/in/side/out") {
                    told.add($0)
                }
            }
            if let error { #expect(trick.isRefused(error), "\(error)") }
            #expect(try paths(in: scratch) == ["archive", "in/", "in/side/"])
            let most = max(10 << 20, Int64(try bytes(of: scratch + "/archive").count) * 200)
            #expect(told.all.allSatisfy { $0 <= most * 105 / 100 })
        }
    }

    @Test("behind a link is not opened")
    func link() async throws {
        try await withScratch { scratch in
            try await python(
                "import sys, zipfile\nzipfile.ZipFile(sys.argv[1], 'w').writestr('a', 'x')", scratch + "/a")
            symlink("a", scratch + "/link")
            await #expect(throws: FileFault.self) {
                try await Archive.unpack(scratch + "/link", into: scratch + "/out")
            }
            mkfifo(scratch + "/pipe", 0o600)
            await #expect(throws: ArchiveError.self) {
                try await Archive.unpack(scratch + "/pipe", into: scratch + "/out")
            }
        }
    }

    @Test("of honest beginnings and random faults is read or refused, and stays inside")
    func faults() async throws {
        try await withScratch { scratch in
            try await python(
                """
                import sys, io, zipfile, tarfile
                z = zipfile.ZipFile(sys.argv[1] + '.zip', 'w')
                for n, m in [('a', 0), ('d/b', 8), ('d/c', 12)]: z.writestr(n, b'abc' * 100, m)
                z.close()
                for mode in ['', ':gz', ':bz2']:
                    t = tarfile.open(sys.argv[1] + mode[1:], 'w' + mode)
                    for n in ['a', 'd/b']:
                        i = tarfile.TarInfo(n)
                        i.size = 300
                        t.addfile(i, io.BytesIO(b'abc' * 100))
                    t.close()
                """, scratch + "/archive")
            var dice = SystemRandomNumberGenerator()
            for suffix in [".zip", "", "gz", "bz2"] {
                let honest = try bytes(of: scratch + "/archive" + suffix)
                for _ in 0..<300 {
                    var faulty = honest
                    for _ in 0..<Int.random(in: 1...6, using: &dice) {
                        let place = Int.random(in: 0..<faulty.count, using: &dice)
                        faulty[place] = [0, 1, 0x7f, 0xff, UInt8.random(in: 0...255, using: &dice)]
                            .randomElement(using: &dice)!
                    }
                    if Int.random(in: 0..<4, using: &dice) == 0 {
                        faulty.removeLast(Int.random(in: 0..<faulty.count, using: &dice))
                    }
                    try put(faulty, to: scratch + "/faulty")
                    do {
                        _ = try await Archive.unpack(scratch + "/faulty", into: scratch + "/out")
                        try Tree.remove(scratch + "/out")
                    } catch {
                        #expect(error is ArchiveError, "\(error) \(faulty)")
                    }
                }
            }
            #expect(try paths(in: scratch).allSatisfy { $0.hasPrefix("archive") || $0 == "faulty" })
        }
    }
}
