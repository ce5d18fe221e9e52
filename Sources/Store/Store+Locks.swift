internal import Jobs
internal import Postgres

extension Store {
    /// Runs an order that may find its rows locked by another session: briefly at first, then with the few that wait longer.
    /// What is asked meanwhile for other rows finds its connections free.
    ///
    /// - Parameters:
    ///   - rows: what the order names.
    ///   - body: runs twice when the first try found a row locked; nothing is left of that one.
    /// - Throws: `StoreError.locked` after about a second, two at most: nothing was done then. What `body` throws.
    func onRows<T: Sendable>(
        _ rows: [LockedRow], naming locked: (ServerError) -> LockedRow?,
        _ body: (LockWaitingDatabase) async throws -> T
    ) async throws -> T {
        if !lockedRows.contains(rows) {
            do {
                return try await body(database.waiting(.brief))
            } catch PostgresError.server(let error) where error.sqlstate == "55P03" {
                lockedRows.note(locked(error) ?? .some)
            }
        }
        do {
            let value = try await body(database.waiting(.patient))
            lockedRows.forget(rows)
            return value
        } catch PostgresError.server(let error) where error.sqlstate == "55P03" {
            let row = locked(error) ?? .some
            lockedRows.note(row)
            throw StoreError.locked(row)
        } catch PostgresError.poolExhausted {
            // Others wait for it already, on all connections that may be spent on that.
            throw StoreError.locked(rows.count == 1 ? rows[0] : .some)
        }
    }

    /// The same for an order that names one thing.
    func onRow<T: Sendable>(_ row: LockedRow, _ body: (LockWaitingDatabase) async throws -> T) async throws
        -> T
    {
        try await onRows([row], naming: { _ in row }, body)
    }
}

extension NewJob {
    /// What it may have to wait for.
    var lockedRows: [LockedRow] {
        (key.map { [.key($0)] } ?? []) + (subject.map { [.subject($0, kind: kind)] } ?? [])
    }
}
