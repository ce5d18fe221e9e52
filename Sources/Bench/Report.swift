/// All samples of a benchmark, told as medians.
struct Report: Sendable {
    let header: [String]
    let rounds: Int
    let jobs: Int
    let crowd: Int
    private var order: [String] = []
    private var samples: [String: [Sample]] = [:]

    init(header: [String], rounds: Int, jobs: Int, crowd: Int) {
        self.header = header
        self.rounds = rounds
        self.jobs = jobs
        self.crowd = crowd
    }

    /// Adds a round's sample. The ratio is taken against the ceiling of the same round.
    mutating func add(_ sample: Sample, to name: String) {
        if samples[name] == nil { order.append(name) }
        var sample = sample
        if name != "ceiling", let rate = sample[.rate], let ceiling = samples["ceiling"]?.last?[.rate],
            sample[.p50] == nil,
            name != "steady"
        {
            sample[.ratio] = rate / ceiling
        }
        samples[name, default: []].append(sample)
    }

    private func median(_ name: String, _ figure: Figure) -> Double? {
        let values = (samples[name] ?? []).compactMap { $0[figure] }
        return values.isEmpty ? nil : values.median
    }

    private func spread(_ name: String) -> String {
        let values = (samples[name] ?? []).compactMap { $0[.rate] }.sorted()
        guard let least = values.first, let most = values.last else { return "" }
        return "\(Int(least))–\(Int(most))"
    }

    var text: String {
        var lines = header
        lines.append(
            "\(jobs) jobs a case, crowd \(crowd), medians of \(rounds) rounds; client, worker and server share the machine"
        )
        lines.append("")
        let figures = Figure.allCases.filter { figure in order.contains { median($0, figure) != nil } }
        let widths = figures.map { max($0.heading.count, 9) }
        let nameWidth = max(12, order.map(\.count).max() ?? 0)
        lines.append(
            pad("case", nameWidth, left: false)
                + zip(figures, widths).map { " " + pad($0.heading, $1) }.joined() + "  jobs/s min–max")
        for name in order {
            let cells = zip(figures, widths).map { " " + pad(median(name, $0).map($0.text) ?? "", $1) }
            lines.append(pad(name, nameWidth, left: false) + cells.joined() + "  " + spread(name))
        }
        return lines.joined(separator: "\n")
    }

    var json: String {
        let cases = order.map { name in
            let figures = Figure.allCases.compactMap { figure in
                median(name, figure).flatMap { $0.isFinite ? "\"\(figure.rawValue)\":\($0)" : nil }
            }
            return "\"\(name)\":{\(figures.joined(separator: ","))}"
        }
        let head = header.map { "\"\($0)\"" }.joined(separator: ",")
        return
            "{\"header\":[\(head)],\"rounds\":\(rounds),\"jobs\":\(jobs),\"crowd\":\(crowd),\"cases\":{\(cases.joined(separator: ","))}}"
    }

    private func pad(_ text: String, _ width: Int, left: Bool = true) -> String {
        let fill = String(repeating: " ", count: max(0, width - text.count))
        return left ? fill + text : text + fill
    }
}
