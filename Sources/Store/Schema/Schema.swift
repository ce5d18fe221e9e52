package import Postgres

/// The queue's tables and rules, as an append-only list: a migration that was released is never edited.
package enum Schema {
    private static let migrations = [
        tables, rules, enqueue, care, words, schedules, desk, front, bounds, claims, recovery, queues, ledger,
        sessions, askers, strangers,
    ]

    package static let migrator = Migrator(schema: "motorpool", migrations: migrations)

    /// The number of the last migration.
    package static let newest = migrations.last?.number ?? 0
}
