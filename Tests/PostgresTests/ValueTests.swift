import Postgres
import Testing

/// What goes in comes out, in the binary form of the protocol.
@Suite("A value", .needsServer)
struct ValueTests {
    private func echo<T: PostgresEncodable & PostgresDecodable & Equatable & Sendable>(
        _ values: [T], as type: String
    ) async throws {
        try await withSession { session in
            for value in values {
                let rows = try session.run("SELECT \(value)::\(pasting: type)", within: limit)
                #expect(try rows[0].get(0, as: T.self) == value, "as \(type)")
            }
        }
    }

    @Test("of every scalar type comes back as it went")
    func scalars() async throws {
        try await echo([true, false], as: "bool")
        try await echo([Int16.min, 0, Int16.max], as: "int2")
        try await echo([Int32.min, -1, Int32.max], as: "int4")
        try await echo([Int64.min, -1, Int64.max], as: "int8")
        try await echo([Int.min, 42, Int.max], as: "int8")
        try await echo([0, -1.5, Double.pi, .infinity, .leastNonzeroMagnitude], as: "float8")
        try await echo(["", "plain", "Zürich 🚲 \u{1F468}\u{200D}\u{1F469}", "a'b\\c\"d"], as: "text")
        try await echo([[], [0, 1, 255], Array(0...255)] as [[UInt8]], as: "bytea")
    }

    @Test("of every array type comes back as it went, also empty")
    func arrays() async throws {
        try await echo([[], [true, false]], as: "bool[]")
        try await echo([[], [Int16.min, Int16.max]], as: "int2[]")
        try await echo([[], [Int32.min, Int32.max]], as: "int4[]")
        try await echo([[], [Int64.min, Int64.max]], as: "int8[]")
        try await echo([[], [Int.min, 7, Int.max]], as: "int8[]")
        try await echo([[], [0.5, -.infinity]], as: "float8[]")
        try await echo([[], ["", "ä", "{,\"}"]], as: "text[]")
        try await echo([[], ["a", nil, ""]] as [[String?]], as: "text[]")
        try await echo([[nil], [1, nil]] as [[Int64?]], as: "int8[]")
        try await echo([[nil], [1.5, nil]] as [[Double?]], as: "float8[]")
    }

    @Test("that is NULL reads as nil, and is refused where nil is not foreseen")
    func null() async throws {
        try await withSession { session in
            let row = try session.run("SELECT \(Int?.none)::int8, \(String?.some("x"))", within: limit)[0]
            #expect(try row.get(0, as: Int?.self) == nil)
            #expect(row.isNull(0) && !row.isNull(1))
            #expect(try row.get(1) == "x")
            #expect(row.withBytes(0) { $0.count } == 0)
            let error = try failure { try row.get(0, as: Int.self) }
            guard case .decoding = error else { return #expect(Bool(false), "\(String(describing: error))") }
        }
    }

    @Test("of one megabyte goes through, there and back, ten times in one pipeline")
    func large() async throws {
        let text = String(repeating: "0123456789abcdef", count: 65_536)
        try await withSession { session in
            let answers = try session.run(
                all: Array(repeating: "SELECT \(text), \([UInt8](text.utf8))", count: 10), within: limit)
            for rows in answers {
                #expect(try rows[0].get(0) == text)
                #expect(try rows[0].get(1) == [UInt8](text.utf8))
            }
        }
    }

    @Test("of JSON keeps its text, whichever way it is read")
    func json() async throws {
        let text = #"{"a": [1, "ü", null]}"#
        try await withSession { session in
            let value = PostgresValue.json([UInt8](text.utf8))
            let array = PostgresValue.jsonArray([[UInt8]("1".utf8), nil])
            let row = try session.run(
                "SELECT \(value), \(value)::json, \(array), \(value)->'a'->>1", within: limit)[0]
            #expect(try row.get(0) == text)
            #expect(try row.get(0) == [UInt8](text.utf8))
            #expect(try row.get(1) == text)
            #expect(try row.get(2, as: [String?].self) == ["1", nil])
            #expect(try row.get(3) == "ü")
        }
    }

    @Test(
        "with a NUL byte is refused before anything is sent",
        arguments: [
            PostgresValue.text("a\0b"), .textArray(["ok", "\0"]), .json([0x31, 0]), .jsonArray([[0]]),
        ])
    func nul(_ value: PostgresValue) async throws {
        try await withSession { session in
            let error = try failure { try session.run("SELECT \(value)", within: limit) }
            guard case .badParameter(let reason) = error else {
                return #expect(Bool(false), "\(String(describing: error))")
            }
            #expect(reason.contains("$1"))
            #expect(try session.run("SELECT 1", within: limit)[0].get(0) == 1)
        }
    }

    @Test("with a NUL byte in the statement itself is refused as well")
    func nulInText() async throws {
        try await withSession { session in
            let errors = [
                try failure { try session.run("SELECT 1\0; junk", within: limit) },
                try failure { try session.runScript("SELECT 1\0; junk", within: limit) },
            ]
            for error in errors {
                guard case .badParameter = error else { return #expect(Bool(false)) }
            }
        }
    }

    @Test("of another type than asked for is an error that names both")
    func mismatch() async throws {
        try await withSession { session in
            let row = try session.run("SELECT 1.5::numeric AS n, 'x' AS t, 1::int8 AS i", within: limit)[0]
            let reason = try failure { try row.get("n", as: Int.self) }?.debugDescription ?? ""
            #expect(reason.contains("Int") && reason.contains("numeric") && reason.contains("(n)"))
            let errors = [
                try failure { try row.get(1, as: Int.self) },
                try failure { try row.get(2, as: Int32.self) },
                try failure { try row.get(2, as: Bool.self) },
                try failure { try row.get(2, as: Double.self) },
                try failure { try row.get("absent", as: Int.self) },
            ]
            for error in errors {
                guard case .decoding = error else { return #expect(Bool(false)) }
            }
        }
    }

    @Test(
        "of a timestamp is told in UTC, to the microsecond",
        arguments: [
            ("2025-02-03 04:05:06.789012+00", "2025-02-03T04:05:06.789012Z", 1_738_555_506_789_012),
            ("1969-12-31 23:59:59.5+00", "1969-12-31T23:59:59.500000Z", -500_000),
            ("2000-02-29 12:00:00+02", "2000-02-29T10:00:00.000000Z", 951_818_400_000_000),
            ("0001-01-01 00:00:00+00", "0001-01-01T00:00:00.000000Z", -62_135_596_800_000_000),
            ("infinity", "infinity", Int64.max),
        ])
    func timestamps(_ input: String, _ iso: String, _ microseconds: Int64) async throws {
        try await withSession { session in
            let rows = try session.run("SELECT \(input)::timestamptz", within: limit)
            let time: PostgresTimestamp = try rows[0].get(0)
            #expect(time.iso8601 == iso)
            #expect(time.microseconds == microseconds)
            #expect(PostgresTimestamp(iso8601: iso) == time)
        }
    }

    @Test(
        "a timestamp's text is read strictly",
        arguments: [
            "2025-02-03T04:05:06.789012", "2025-02-03 04:05:06.789012Z", "2025-2-03T04:05:06.789012Z",
            "2025-13-03T04:05:06Z", "2025-02-03T24:05:06Z", "2025-02-03T04:05:06.Z",
            "2025-02-03T04:05:06.1234567Z", "2025-02-03T04:05:06+01:00", "",
        ])
    func badTimestamps(_ text: String) { #expect(PostgresTimestamp(iso8601: text) == nil) }

    @Test("a timestamp may tell less than microseconds")
    func shortTimestamps() {
        #expect(PostgresTimestamp(iso8601: "1970-01-01T00:00:01Z")?.microseconds == 1_000_000)
        #expect(PostgresTimestamp(iso8601: "1970-01-01T00:00:01.25Z")?.microseconds == 1_250_000)
    }

    @Test("that has a textual form reads as String: uuid, enum, name, integers")
    func texts() async throws {
        try await withSession { session in
            try session.runScript("CREATE TYPE mood AS ENUM ('calm', 'cross')", within: limit)
            let row = try session.run(
                """
                SELECT '00112233-4455-6677-8899-aabbccddeeff'::uuid, 'cross'::mood, 'n'::name, 7::int2, -8::int8,
                    'v'::varchar
                """, within: limit)[0]
            let texts = try (0..<6).map { try row.get($0, as: String.self) }
            #expect(texts == ["00112233-4455-6677-8899-aabbccddeeff", "cross", "n", "7", "-8", "v"])
        }
    }

    @Test("list tells its columns, its rows and what it touched")
    func rows() async throws {
        try await withSession { session in
            let rows = try session.run(
                "SELECT n, n * 2 AS \"Twice\" FROM generate_series(1, 3) n", within: limit)
            #expect(rows.columns == ["n", "Twice"])
            #expect(try rows.map { try $0.get("Twice", as: Int.self) } == [2, 4, 6])
            #expect(rows.affected == 3 && rows.count == 3)
            try session.runScript("CREATE TABLE t (n int)", within: limit)
            let answer = try session.run("INSERT INTO t SELECT generate_series(1, 5)", within: limit)
            #expect(answer.affected == 5 && answer.count == 0)
        }
    }
}
