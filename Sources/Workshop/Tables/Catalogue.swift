package import Postgres

/// All SQL on the tables of the schema `workshop`: what Steam said, which mods are here, and what was asked.
///
/// Holds no state but a pool's. What belongs to a run's settlement takes the runner of that transaction; each of these
/// may happen twice and is then as if it had happened once. Text from outside is stored without its NULs.
package struct Catalogue: Sendable {
    let database: Database
    /// The bounds of what callers ask to see; `nil` in a farm.
    let publicReads: PublicReads?

    /// - Parameter database: the farm's or the front's own pool; the tables stand beside the queue's.
    package init(_ database: Database) { self.init(database, publicReads: nil) }

    init(_ database: Database, publicReads: PublicReads?) {
        self.database = database
        self.publicReads = publicReads
    }

    /// How much of a description a short one holds, in characters.
    static let shortDescriptionMax = 256

    /// The beginning of a text, marked where it was cut.
    static func shortened(_ text: String) -> String {
        text.count <= shortDescriptionMax ? text : text.prefix(shortDescriptionMax - 3) + "..."
    }

    /// PostgreSQL stores no NUL in a text.
    static func clean(_ text: String) -> String {
        text.utf8.contains(0) ? String(text.unicodeScalars.filter { $0.value != 0 }) : text
    }
}

extension PostgresTimestamp {
    var seconds: Double { Double(microseconds) / 1_000_000 }
}
