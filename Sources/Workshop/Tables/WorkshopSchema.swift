package import Postgres

/// The catalogue's tables, in a schema of their own: an append-only list of migrations.
package enum WorkshopSchema {
    package static let migrator = Migrator(schema: "workshop", migrations: [tables, rests, orders])
}
