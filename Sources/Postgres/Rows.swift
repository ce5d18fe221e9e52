internal import CPostgres

/// The complete answer to one statement; immutable.
package final class Rows: Sequence, @unchecked Sendable {
    // @unchecked: libpq lets any number of threads read a PGresult that nobody changes; it is freed in deinit.
    private let result: OpaquePointer
    private let width: Int

    /// The number of rows.
    package let count: Int

    /// Takes ownership of a finished result.
    init(owning result: OpaquePointer) {
        self.result = result
        count = Int(PQntuples(result))
        width = Int(PQnfields(result))
    }

    deinit { PQclear(result) }

    /// The names of the columns in order.
    package var columns: [String] { (0..<width).map { name(of: $0) } }

    /// How many rows the statement touched, by its command tag: inserted, updated, deleted, selected; else 0.
    package var affected: Int { Int(String(cString: PQcmdTuples(result))) ?? 0 }

    /// The command tag, such as `INSERT 0 1`.
    var tag: String { String(cString: PQcmdStatus(result)) }

    package var first: Row? { count > 0 ? self[0] : nil }

    package subscript(index: Int) -> Row {
        precondition(index >= 0 && index < count, "row \(index) of \(count) was asked for")
        return Row(rows: self, index: index)
    }

    package func makeIterator() -> Iterator { Iterator(rows: self) }

    package struct Iterator: IteratorProtocol {
        let rows: Rows
        var index = 0

        package mutating func next() -> Row? {
            guard index < rows.count else { return nil }
            defer { index += 1 }
            return rows[index]
        }
    }

    /// The bytes of a cell, valid as long as these rows live; nil for `NULL`.
    func cell(_ row: Int, _ column: Int) -> UnsafeRawBufferPointer? {
        precondition(column >= 0 && column < width, "column \(column) of \(width) was asked for")
        let (row, column) = (Int32(truncatingIfNeeded: row), Int32(truncatingIfNeeded: column))
        let length = PQgetlength(result, row, column)
        // An empty cell and NULL both have length 0; only then is the third call needed.
        if length == 0, PQgetisnull(result, row, column) == 1 { return nil }
        return UnsafeRawBufferPointer(start: PQgetvalue(result, row, column), count: Int(length))
    }

    func type(of column: Int) -> UInt32 { PQftype(result, Int32(truncatingIfNeeded: column)) }

    func name(of column: Int) -> String {
        PQfname(result, Int32(truncatingIfNeeded: column)).map { String(cString: $0) } ?? ""
    }

    /// The first column with exactly this name.
    func column(named name: String) -> Int? {
        // Not PQfnumber: it folds case like an SQL identifier.
        (0..<width).first { column in
            guard let candidate = PQfname(result, Int32(column)) else { return false }
            return name.utf8CString.withUnsafeBufferPointer { wanted in
                var index = 0
                while wanted[index] == candidate[index] {
                    if wanted[index] == 0 { return true }
                    index += 1
                }
                return false
            }
        }
    }
}
