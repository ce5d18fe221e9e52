package import Postgres

/// The queue's tables and rules, as an append-only list: a migration that was released is never edited.
package enum Schema {
    package static let migrator = Migrator(
        schema: "motorpool", migrations: [tables, rules, enqueue, care, words, desk, front])
}
