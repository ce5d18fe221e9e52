package import Front
internal import HTTPServer
internal import Jobs
internal import Platform
package import Postgres

/// Open Workshop's paths, as its clients use them.
package struct WorkshopRoutes: Sendable {
    let catalogue: Catalogue
    let settings: WorkshopSettings
    /// To be closed after the last request, before the database is.
    package let statistics: StatisticsBuffer
    let busy: SingleFlight<OneValue, (downloads: [Int64], pages: [Int64])>

    /// - Parameter database: the front's own pool.
    package init(_ database: Database, _ settings: WorkshopSettings) {
        let reads = PublicReads(
            places: settings.readsMax, waitMax: settings.readWaitMax, limit: settings.readLimit)
        let catalogue = Catalogue(database, publicReads: reads)
        self.catalogue = catalogue
        self.settings = settings
        statistics = StatisticsBuffer { try await catalogue.add($0) }
        busy = SingleFlight(keepingFor: settings.busySpan) { try await catalogue.busy() }
    }

    /// Counts that a process started to serve them.
    package func begin() { statistics.count(.start) }

    package var all: [Route] { files + lists + associations + infos + counts }

    // MARK: What several of them document

    static let okay = Route.Answer(200, "as documented", Schema([("type", "object")]))
    static let tooMuch = Route.Answer(413, "a page or a list out of its bounds: message, error_id")
    static let unreadable = Route.Answer(422, "an argument can't be read: detail")
    static let pageParameters: [Route.Parameter] = [
        .init("page_size", in: .query, "how many; 10 unless said", .integer()),
        .init("page", in: .query, "which page, counted from 0", .integer()),
    ]

    static func id(_ name: String, _ about: String) -> Route.Parameter {
        .init(name, in: .path, about, .integer())
    }
    static func idList(_ name: String, in place: Route.Parameter.Place = .query, _ about: String)
        -> Route.Parameter
    {
        .init(name, in: place, about + ": a JSON array of ids", .string())
    }
    static func flag(_ name: String, _ about: String) -> Route.Parameter {
        .init(name, in: .query, about, .boolean)
    }
    static func word(_ name: String, _ about: String) -> Route.Parameter {
        .init(name, in: .query, about, .string())
    }

    /// `page_size` and `page` within bounds.
    ///
    /// A negative page, which the web site asks for, shows the first one and is still told as asked.
    static func page(_ arguments: inout Arguments) -> (size: Int64, offset: Int64) {
        let size = arguments.integer("page_size", 10)
        let page = arguments.integer("page", 0)
        let (offset, isTooFar) = size.multipliedReportingOverflow(by: page)
        return (size, isTooFar ? ((size < 0) == (page < 0) ? .max : .min) : offset)
    }

    static func checkPage(_ size: Int64, max: Int64 = 50) throws(Refusal) {
        guard (1...max).contains(size) else { throw Refusal(413, "incorrect page size", 1) }
    }

    static func checkComplexity(_ count: Int, max: Int, _ id: Int64 = 2) throws(Refusal) {
        guard count <= max else {
            throw Refusal(413, "the maximum complexity of filters is \(max) elements in sum", id)
        }
    }

    /// What is looked for in names. Runs of `%` become one, which means the same.
    ///
    /// - Throws: `Refusal` 413 when it has more characters or wildcards than a search may cost.
    static func search(_ text: String) throws(Refusal) -> String {
        var pattern = String.UnicodeScalarView()
        var wildcards = 0
        for character in text.unicodeScalars where character.value != 0 {
            let isWildcard = character == "%" || character == "_"
            if character == "%", pattern.last == "%" { continue }
            if isWildcard { wildcards += 1 }
            pattern.append(character)
        }
        guard pattern.count <= nameMax, wildcards <= wildcardsMax else {
            throw Refusal(
                413,
                "the maximum complexity of a name is \(nameMax) characters with \(wildcardsMax) wildcards", 2)
        }
        return String(pattern)
    }

    /// Characters of a search, and how many of them may stand for others.
    private static let nameMax = 64
    private static let wildcardsMax = 8

    static func list(_ page: Page<some Sendable>, _ offset: Int64, _ results: [JSONText]) -> Response {
        Told.json(
            .object([
                ("database_size", .int(page.size)), ("offset", .int(offset)), ("results", .array(results)),
            ]))
    }
}

extension PostgresTimestamp {
    /// As Python's `isoformat` writes a date without zone: microseconds only when there are some.
    var python: String {
        let text = iso8601.dropLast()
        return String(text.hasSuffix(".000000") ? text.dropLast(7) : text)
    }
}
