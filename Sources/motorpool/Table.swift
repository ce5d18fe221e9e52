/// Rows under headings, as wide as they need; the last column is cut so that it all fits.
struct Table {
    enum Column {
        case left(String)
        case right(String)

        var heading: String {
            switch self {
            case .left(let heading), .right(let heading): heading
            }
        }

        func laid(_ text: String, _ width: Int) -> String {
            switch self {
            case .left: text.padded(to: width)
            case .right: text.padded(leftTo: width)
            }
        }
    }

    /// No column but the last is wider.
    private static let widthMax = 24

    private let columns: [Column]
    private var rows: [(cells: [String], paint: (Int, String) -> String)] = []

    init(columns: [Column]) { self.columns = columns }

    /// - Parameter paint: colours a laid out cell; must not change its width.
    mutating func add(_ cells: [String], paint: @escaping (_ column: Int, _ text: String) -> String = { $1 })
    {
        rows.append((cells.map(Console.harmless), paint))
    }

    var text: String {
        let widths = columns.indices.map { column in
            min(
                Self.widthMax,
                ([columns[column].heading] + rows.map { $0.cells[column] }).map(\.count).max() ?? 0)
        }
        let head = Color.grey(line(columns.map(\.heading), widths) { $1 })
        return ([head] + rows.map { line($0.cells, widths, $0.paint) }).joined(separator: "\n")
    }

    private func line(_ cells: [String], _ widths: [Int], _ paint: (Int, String) -> String) -> String {
        let last = columns.count - 1
        var line = ""
        var width = 0
        for column in 0..<last {
            line +=
                paint(column, columns[column].laid(cells[column].cut(to: widths[column]), widths[column]))
                + "  "
            width += widths[column] + 2
        }
        let room = Console.widthMax - width
        // A column to the right ends where its numbers end; text is cut, and not padded.
        if case .right = columns[last] { return line + paint(last, cells[last].padded(leftTo: widths[last])) }
        return line + paint(last, cells[last].cut(to: room))
    }
}
