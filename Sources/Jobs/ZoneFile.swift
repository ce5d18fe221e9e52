/// Why the bytes of a zone's file are not understood.
package struct ZoneFileFault: Error, Hashable, Sendable, CustomStringConvertible {
    package let description: String
}

extension TimeZoneRules {
    /// Reads a TZif file of version 2 or later (RFC 8536): the 64-bit list, and the rule in the footer for what comes
    /// after it. The 32-bit list in front, which ends in 2038, is passed over.
    /// - Throws: `ZoneFileFault`; also for files that count leap seconds (`right/…`), because nothing else here does.
    package init(name: String, file bytes: [UInt8]) throws(ZoneFileFault) {
        var reader = ZoneReader(rest: bytes[...])
        let old = try reader.header()
        guard old.version >= UInt8(ascii: "2") else {
            throw ZoneFileFault(description: "it is of version 1, without times after 2038")
        }
        try reader.skip(old.bytes(timeWidth: 4))
        let header = try reader.header()
        guard header.leaps == 0 else { throw ZoneFileFault(description: "it counts leap seconds") }
        guard header.types > 0, header.times <= 100_000 else {
            throw ZoneFileFault(description: "its numbers make no sense")
        }
        let times = try reader.int64s(header.times)
        let indices = Array(try reader.take(header.times))
        let types = try (0..<header.types).map { _ throws(ZoneFileFault) in
            (seconds: Int64(try reader.int32()), name: try reader.take(2).last ?? 0)
        }
        let names = try reader.take(header.characters)
        try reader.skip(header.standards + header.universals)
        let offsets = types.map { type in
            let name = names.dropFirst(Int(type.name)).prefix { $0 != 0 }
            return Offset(seconds: type.seconds, name: String(decoding: name, as: UTF8.self))
        }
        guard zip(times, times.dropFirst()).allSatisfy({ $0 < $1 }),
            indices.allSatisfy({ Int($0) < offsets.count }),
            offsets.allSatisfy({ abs($0.seconds) < 26 * 3600 })
        else { throw ZoneFileFault(description: "its changes make no sense") }
        var changes: [Change] = []
        for (at, index) in zip(times, indices) {
            let offset = offsets[Int(index)]
            // Some changes change only what is called summer.
            if (changes.last?.offset ?? offsets[0]) != offset {
                changes.append(Change(at: at, offset: offset))
            }
        }
        self.init(name: name, first: offsets[0], changes: changes, rule: try reader.footer())
    }
}

private struct ZoneReader {
    struct Header {
        let version: UInt8
        let universals: Int
        let standards: Int
        let leaps: Int
        let times: Int
        let types: Int
        let characters: Int

        func bytes(timeWidth: Int) -> Int {
            times * (timeWidth + 1) + types * 6 + characters + leaps * (timeWidth + 4) + standards
                + universals
        }
    }

    var rest: ArraySlice<UInt8>

    mutating func take(_ count: Int) throws(ZoneFileFault) -> ArraySlice<UInt8> {
        guard rest.count >= count else { throw ZoneFileFault(description: "it ends too early") }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }

    mutating func skip(_ count: Int) throws(ZoneFileFault) { _ = try take(count) }

    mutating func int32() throws(ZoneFileFault) -> Int32 {
        Int32(bitPattern: try take(4).reduce(0) { $0 << 8 | UInt32($1) })
    }

    mutating func int64s(_ count: Int) throws(ZoneFileFault) -> [Int64] {
        var values: [Int64] = []
        for _ in 0..<count {
            values.append(Int64(bitPattern: try take(8).reduce(0) { $0 << 8 | UInt64($1) }))
        }
        return values
    }

    mutating func header() throws(ZoneFileFault) -> Header {
        guard try take(4).elementsEqual(Array("TZif".utf8)) else {
            throw ZoneFileFault(description: "it is no TZif file")
        }
        let version = try take(16).first ?? 0
        var counts: [Int] = []
        for _ in 0..<6 {
            let count = Int(try int32())
            guard (0...1_000_000).contains(count) else {
                throw ZoneFileFault(description: "its numbers make no sense")
            }
            counts.append(count)
        }
        return Header(
            version: version, universals: counts[0], standards: counts[1], leaps: counts[2], times: counts[3],
            types: counts[4], characters: counts[5])
    }

    mutating func footer() throws(ZoneFileFault) -> PosixZone? {
        guard rest.first == UInt8(ascii: "\n") else {
            throw ZoneFileFault(description: "its footer is missing")
        }
        let text = rest.dropFirst().prefix { $0 != UInt8(ascii: "\n") }
        guard !text.isEmpty else { return nil }
        guard let rule = PosixZone(String(decoding: text, as: UTF8.self)) else {
            throw ZoneFileFault(description: "its footer is not understood")
        }
        return rule
    }
}
