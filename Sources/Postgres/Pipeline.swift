internal import CPostgres

/// One trip to the server and back: statements, one sync, and the answers as they come in.
///
/// libpq answers each command with its results and then a nil, and the sync with one result and no nil (libpq docs,
/// 34.5). After an error the server skips what follows up to the sync; those commands answer "aborted".
struct Pipeline {
    private enum Step {
        case housekeeping
        case prepare(text: String, name: String, index: Int)
        case statement(Int)
    }

    /// libpq would not queue a command; the connection cannot be trusted any more.
    struct Refused: Error {}

    let connection: OpaquePointer
    private let statements: [SQL]
    private var steps: [Step] = []
    private var position = 0
    private var rows: [Rows?]
    private var failure: ServerError?
    private var prepared: Set<String> = []

    /// The sync was answered: the outcome is known.
    private(set) var isFinished = false

    init(_ connection: OpaquePointer, _ statements: [SQL]) {
        self.connection = connection
        self.statements = statements
        rows = Array(repeating: nil, count: statements.count)
    }

    // MARK: There

    /// Queues a statement; `index` is where its answer belongs, nil if nobody wants it.
    mutating func send(_ text: String, _ parameters: Parameters, at index: Int?) throws {
        steps.append(index.map(Step.statement) ?? .housekeeping)
        let queued = parameters.withArrays { count, types, values, lengths, formats in
            PQsendQueryParams(connection, text, count, types, values, lengths, formats, 1)
        }
        guard queued == 1 else { throw Refused() }
    }

    mutating func prepare(_ text: String, _ parameters: Parameters, as name: String, at index: Int) throws {
        steps.append(.prepare(text: text, name: name, index: index))
        let queued = parameters.withArrays { count, types, _, _, _ in
            PQsendPrepare(connection, name, text, count, types)
        }
        guard queued == 1 else { throw Refused() }
    }

    mutating func sendPrepared(_ name: String, _ parameters: Parameters, at index: Int) throws {
        steps.append(.statement(index))
        let queued = parameters.withArrays { count, _, values, lengths, formats in
            PQsendQueryPrepared(connection, name, count, values, lengths, formats, 1)
        }
        guard queued == 1 else { throw Refused() }
    }

    mutating func sync() throws {
        guard PQpipelineSync(connection) == 1 else { throw Refused() }
    }

    // MARK: And back

    /// More came back than was sent; the connection cannot be trusted any more.
    ///
    /// One answer may come beyond the last command: the error of what fails only at the commit, a deferred constraint.
    var isDerailed: Bool { position > steps.count + 1 }

    /// What the server said before it went away.
    var lastWords: String? { failure?.debugDescription }

    /// The statements which the server did not prepare.
    var unprepared: [(text: String, name: String)] {
        steps.compactMap { step in
            guard case .prepare(let text, let name, _) = step, !prepared.contains(name) else { return nil }
            return (text, name)
        }
    }

    /// Takes the next result, which must have arrived.
    mutating func takeResult() {
        guard let result = PQgetResult(connection) else {
            position += 1
            return
        }
        switch PQresultStatus(result) {
        case PGRES_TUPLES_OK, PGRES_COMMAND_OK, PGRES_EMPTY_QUERY:
            keep(result)
            return
        case PGRES_PIPELINE_SYNC: isFinished = true
        case PGRES_PIPELINE_ABORTED: break
        case PGRES_FATAL_ERROR:
            if failure == nil {
                let index = statementIndex(at: position)
                failure = ServerError(result: result, statement: index.map { statements[$0].text })
                failure?.statementIndex = index
            }
        default:
            // COPY: nothing in this room can speak it, and there is no polite way out.
            position = steps.count + 2
        }
        PQclear(result)
    }

    private mutating func keep(_ result: OpaquePointer) {
        guard steps.indices.contains(position) else { return PQclear(result) }
        switch steps[position] {
        case .statement(let index): rows[index] = Rows(owning: result)
        case .prepare(_, let name, _):
            prepared.insert(name)
            PQclear(result)
        case .housekeeping: PQclear(result)
        }
    }

    private func statementIndex(at position: Int) -> Int? {
        guard steps.indices.contains(position) else { return nil }
        switch steps[position] {
        case .statement(let index), .prepare(_, _, let index): return index
        case .housekeeping: return nil
        }
    }

    /// The answers in order.
    /// - Throws: The first error, or `.decoding` if the server left a statement without an answer.
    func answers() throws -> [Rows] {
        if let failure { throw PostgresError.server(failure) }
        return try rows.map { rows in
            guard let rows else { throw PostgresError.decoding("the server gave no answer to a statement") }
            return rows
        }
    }
}
