/// Rows under headings. On a narrow screen each row becomes a card whose cells carry their headings.
struct Sheet {
    enum Column {
        case text(String)
        case number(String)
        /// Buttons: no heading is shown.
        case deeds

        var heading: String {
            switch self {
            case .text(let heading), .number(let heading): heading
            case .deeds: "Actions"
            }
        }

        var style: String {
            switch self {
            case .text: "text"
            case .number: "number"
            case .deeds: "deeds"
            }
        }
    }

    let caption: String
    let columns: [Column]
    private var rows: [Markup] = []

    init(_ caption: String, _ columns: [Column]) {
        self.caption = caption
        self.columns = columns
    }

    mutating func add(_ cells: [Markup]) {
        precondition(cells.count == columns.count, "\(cells.count) cells under \(columns.count) headings")
        let inside = zip(cells, columns).map { cell, column -> Markup in
            "<td class=\"\(column.style)\" data-head=\"\(column.heading)\"><div>\(cell)</div></td>"
        }
        rows.append("<tr>\(inside)</tr>\n")
    }

    /// - Parameter empty: what stands there instead when there is no row.
    func markup(empty: Markup) -> Markup {
        guard !rows.isEmpty else { return "<p class=\"empty\">\(empty)</p>" }
        let heads = columns.map { column -> Markup in
            if case .deeds = column {
                return
                    "<th scope=\"col\" class=\"deeds\"><span class=\"unseen\">\(column.heading)</span></th>"
            }
            return "<th scope=\"col\" class=\"\(column.style)\">\(column.heading)</th>"
        }
        return """
            <div class="sheet"><table><caption class="unseen">\(caption)</caption>
            <thead><tr>\(heads)</tr></thead>
            <tbody>
            \(rows)</tbody></table></div>
            """
    }
}
