/// One step of a schema's history; never changed once it has been applied anywhere.
package struct Migration: Sendable {
    /// Counted from 1; the order of application.
    package let number: Int
    package let name: String
    /// Several statements, run in one transaction by the simple protocol.
    package let sql: String

    package init(number: Int, name: String, sql: String) {
        self.number = number
        self.name = name
        self.sql = sql
    }

    /// FNV-1a of the text, in 16 hexadecimal digits: it finds edits, not attacks.
    var checksum: String {
        let digits = String(fnv1a(sql), radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}

/// Where a schema stands against the migrations this program knows.
package enum MigrationState: Sendable, Equatable {
    case current
    /// These numbers are still to be applied.
    case behind([Int])
    /// All of ours are applied, and these after them by a newer program: both versions may run.
    case newer([Int])
    /// The schema's history is not ours; a sentence for each difference.
    case drifted([String])
}

/// The schema's history is not ours, so nothing was applied.
package struct MigrationDrift: Error, Sendable, CustomStringConvertible {
    /// A sentence for each difference.
    package let differences: [String]

    package init(differences: [String]) { self.differences = differences }

    package var description: String { differences.joined(separator: "; ") }
}

/// The 64-bit FNV-1a hash (isthe.com/chongo/tech/comp/fnv): stable across runs, machines and versions.
func fnv1a(_ text: String) -> UInt64 {
    text.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01b3 }
}
