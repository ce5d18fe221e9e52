internal import Postgres

extension WorkshopSchema {
    /// An index for each order of the list of mods, so that a page costs what it shows and not what there is.
    static let orders = Migration(
        number: 3, name: "orders",
        sql: """
            -- A descending order of dates and sizes reads these backwards and sorts the few equal ones by id. Downloads and
            -- sources are equal in many rows, so each of those orders has an index of its own.
            CREATE INDEX mods_size ON workshop.mods (size, id);
            CREATE INDEX mods_creation ON workshop.mods (date_creation, id);
            CREATE INDEX mods_update ON workshop.mods (date_update, id);
            CREATE INDEX mods_source ON workshop.mods (source, id);
            CREATE INDEX mods_source_descending ON workshop.mods (source DESC, id);
            CREATE INDEX mods_downloads_descending ON workshop.mods (downloads DESC, id);
            -- A search reads names without their descriptions.
            CREATE INDEX mods_search ON workshop.mods (id) INCLUDE (name_folded);
            """)
}
