/// One row of an answer; keeps the whole answer alive.
package struct Row: Sendable {
    let rows: Rows
    let index: Int

    init(rows: Rows, index: Int) {
        self.rows = rows
        self.index = index
    }

    /// Reads a cell by position, counted from 0; the quick way.
    /// - Throws: `PostgresError.decoding` when the cell holds another type, or `NULL` and `T` is not optional.
    package func get<T: PostgresDecodable>(_ column: Int, as type: T.Type = T.self) throws -> T {
        // The bytes belong to the rows, and the optimizer may end their life after the last use it sees.
        try withExtendedLifetime(rows) {
            let (bytes, oid) = cell(column)
            guard let bytes else {
                guard let null = T.postgresNull else { throw refusal(of: column, nullFor: T.self) }
                return null
            }
            do {
                return try T.decode(from: bytes, type: oid)
            } catch {
                throw located(error, column)
            }
        }
    }

    /// Reads a cell by name: exact, case and all.
    /// - Throws: `PostgresError.decoding` as by position, or when there is no such column.
    package func get<T: PostgresDecodable>(_ name: String, as type: T.Type = T.self) throws -> T {
        try get(column(named: name), as: type)
    }

    package func isNull(_ column: Int) -> Bool { rows.cell(index, column) == nil }

    /// Lends the raw binary form of a cell, empty for `NULL`; the bytes must not leave `body`.
    package func withBytes<R>(_ column: Int, _ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try withExtendedLifetime(rows) {
            try body(rows.cell(index, column) ?? UnsafeRawBufferPointer(start: nil, count: 0))
        }
    }

    func cell(_ column: Int) -> (UnsafeRawBufferPointer?, UInt32) {
        (rows.cell(index, column), rows.type(of: column))
    }

    func column(named name: String) throws -> Int {
        guard let column = rows.column(named: name) else {
            throw PostgresError.decoding(
                "no column named \(name) among \(rows.columns.joined(separator: ", "))")
        }
        return column
    }

    @inline(never)
    func refusal<T>(of column: Int, nullFor wanted: T.Type) -> PostgresError {
        .decoding("column \(column) (\(rows.name(of: column))): expected \(wanted), got NULL")
    }

    @inline(never)
    func located(_ error: any Error, _ column: Int) -> any Error {
        guard case PostgresError.decoding(let reason) = error else { return error }
        return PostgresError.decoding("column \(column) (\(rows.name(of: column))): \(reason)")
    }
}
