internal import Jobs
internal import Store

/// A search as it stands in an address or a form.
struct DeskFilter {
    let search: JobSearch

    /// The ages that the form offers; any duration may stand in the address.
    static let ages = ["1m", "10m", "1h", "6h", "1d", "7d"]

    static let sizeMax = 200

    /// - Throws: `Problem` 400 that names the field.
    init(_ fields: Fields, sizeDefault: Int = 50) throws(Problem) {
        var search = JobSearch(try fields.word("place", of: JobSearch.Place.self) ?? .live)
        search.kind = try fields.one("kind")
        search.queue = try fields.one("queue")
        search.limitKey = try fields.one("key")
        search.subject = try fields.one("subject")
        if let older = try fields.one("older") {
            guard let age = Duration(text: older) else {
                throw .badRequest(
                    "older: expected a time like 10m or 2d, found “\(older.prefix(60))”", field: "older")
            }
            search.olderThan = age
        }
        if let after = try fields.one("after") {
            guard let cursor = JobCursor(after) else {
                throw .badRequest("after: expected the “next” of an earlier page", field: "after")
            }
            search.after = cursor
        }
        search.limit = try fields.number("limit", in: 1...DeskFilter.sizeMax) ?? sizeDefault
        self.search = search
    }

    init(_ search: JobSearch) { self.search = search }

    /// What names this search again, without its page.
    var fields: [(String, String?)] {
        [
            ("place", search.place.rawValue), ("kind", search.kind), ("queue", search.queue),
            ("key", search.limitKey), ("subject", search.subject), ("older", search.olderThan?.text),
        ]
    }

    /// For people: `dead jobs of kind mail`.
    var words: String {
        var words = DeskFilter.title(search.place).lowercased() + " jobs"
        if let kind = search.kind { words += " of kind \(kind)" }
        if let queue = search.queue { words += " in queue \(queue)" }
        if let key = search.limitKey { words += " with key \(key)" }
        if let subject = search.subject { words += " about \(subject)" }
        if let older = search.olderThan { words += ", asked for longer than \(older.text) ago" }
        return words
    }

    /// For programs, and for the ledger.
    var json: JSONText {
        .object(fields.compactMap { name, value in value.map { (name, .string($0)) } })
    }

    static func title(_ place: JobSearch.Place) -> String {
        switch place {
        case .live: "Live"
        case .waiting: "Waiting"
        case .ready: "In line"
        case .running: "Running"
        case .scheduled: "Scheduled"
        case .held: "Held by a limit"
        case .children: "Waiting for children"
        case .dead: "Dead"
        case .done: "Done"
        case .cancelled: "Cancelled"
        }
    }
}
