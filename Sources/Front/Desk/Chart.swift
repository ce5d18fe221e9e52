internal import Jobs
internal import Postgres
internal import Store

/// A small drawing of the last hour, one value a minute: bars that may be stacked, or an area.
struct Chart {
    enum Form {
        case bars
        case area
    }

    /// Values of one colour; `nil` where there was no sample.
    struct Series {
        let name: String
        /// The style sheet's word for it.
        let style: Style
        let values: [Double?]
    }

    enum Style: String {
        case done
        case failed
        case depth
    }

    static let minutes = 60
    private static let width = 600.0
    private static let height = 96.0

    let title: String
    /// What the chart says, in words: for who can't see it.
    let summary: String
    /// The newest value, in words.
    let now: String
    let unit: String
    let form: Form
    let series: [Series]

    private var top: Double {
        let sums = (0..<Chart.minutes).map { minute in
            series.reduce(0.0) { $0 + ($1.values[minute] ?? 0) }
        }
        return max(sums.max() ?? 0, 1)
    }

    /// - Parameter id: unique on its page.
    func figure(id: String) -> Markup {
        let isEmpty = series.allSatisfy { $0.values.allSatisfy { $0 == nil } }
        return """
            <figure class="chart"><figcaption><span class="name">\(title)</span> <span class="value">\(now)</span></figcaption>
            \(isEmpty ? empty : drawing(id: id))
            </figure>
            """
    }

    private var empty: Markup {
        "<p class=\"empty\">No samples yet. A working farm takes one every minute.</p>"
    }

    private func drawing(id: String) -> Markup {
        """
        <div class="plot"><span class="top">\(Chart.short(top))\(unit)</span>
        <svg viewBox="0 0 600 96" preserveAspectRatio="none" role="img" aria-labelledby="\(id)-t \(id)-d">
        <title id="\(id)-t">\(title), last hour</title><desc id="\(id)-d">\(summary)</desc>
        <line class="grid" x1="0" y1="0.5" x2="600" y2="0.5"/><line class="grid" x1="0" y1="48" x2="600" y2="48"/>\
        <line class="base" x1="0" y1="95.5" x2="600" y2="95.5"/>
        \(form == .bars ? bars : area)</svg></div>
        <div class="axis"><span>60 min ago</span><span>30</span><span>now</span></div>
        \(series.count > 1 ? legend : Markup.none)
        """
    }

    private var legend: Markup {
        "<p class=\"legend\">\(series.map { "<span class=\"\($0.style.rawValue)\">\($0.name)</span> " as Markup })</p>"
    }

    private var bars: Markup {
        let (step, top) = (Chart.width / Double(Chart.minutes), top)
        var pieces: [Markup] = []
        for minute in 0..<Chart.minutes {
            var floor = Chart.height
            for one in series {
                guard let value = one.values[minute], value > 0 else { continue }
                let tall = max(1.5, value / top * (Chart.height - 4))
                floor -= tall
                pieces.append(
                    """
                    <rect class="\(one.style.rawValue)" x="\(Chart.place(Double(minute) * step + 1))" y="\(Chart.place(max(0, floor)))" \
                    width="\(Chart.place(step - 2))" height="\(Chart.place(tall))"/>
                    """)
            }
        }
        return Markup(pieces)
    }

    /// A gap in the samples is a gap in the area.
    private var area: Markup {
        let (step, top) = (Chart.width / Double(Chart.minutes - 1), top)
        var pieces: [Markup] = []
        for one in series {
            var run: [(Double, Double)] = []
            for minute in 0...Chart.minutes {
                if minute < Chart.minutes, let value = one.values[minute] {
                    run.append((Double(minute) * step, Chart.height - 2 - value / top * (Chart.height - 6)))
                } else if let first = run.first, let last = run.last {
                    let ends = last.0 == first.0 ? last.0 + 3 : last.0
                    let line = (run + [(ends, last.1)]).map { "\(Chart.place($0.0)),\(Chart.place($0.1))" }
                        .joined(separator: " ")
                    let floor = "\(Chart.place(ends)),96 \(Chart.place(first.0)),96"
                    pieces.append(
                        """
                        <polygon class="\(one.style.rawValue)" points="\(line) \(floor)"/>\
                        <polyline class="\(one.style.rawValue)" points="\(line)"/>
                        """)
                    run = []
                }
            }
        }
        return Markup(pieces)
    }

    private static func place(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10).\(abs(tenths % 10))"
    }

    private static func short(_ value: Double) -> String {
        value >= 100 || value == value.rounded() ? Told.number(Int(value.rounded())) : place(value)
    }
}

extension Chart {
    /// What ended in each minute, and what waited, of all these samples together.
    static func pair(_ samples: [QueueSample], now: PostgresTimestamp) -> (rate: Chart, depth: Chart) {
        let last = now.microseconds / 60_000_000
        var done = [Double?](repeating: nil, count: minutes)
        var failed = done
        var depth = done
        var isMore = false
        for sample in samples {
            let place = Int(sample.minute.microseconds / 60_000_000 - last) + minutes - 1
            guard place >= 0, place < minutes else { continue }
            // A sample after a gap counts more than a minute: it is told per minute.
            if let span = sample.span, span > 0 {
                done[place] = (done[place] ?? 0) + Double(sample.done) * 60 / max(span, 30)
                failed[place] = (failed[place] ?? 0) + Double(sample.failed) * 60 / max(span, 30)
            }
            depth[place] = (depth[place] ?? 0) + Double(sample.depth)
            isMore = isMore || sample.isMore
        }
        let ended = done.compactMap { $0 }
        let most = Int((ended.max() ?? 0).rounded())
        let deepest = Int((depth.compactMap { $0 }.max() ?? 0).rounded())
        let rate = Chart(
            title: "Ended runs", summary: "At most \(most) runs a minute ended well in the last hour.",
            now: ended.last.map { "\(Told.number(Int($0.rounded())))/min" } ?? "–", unit: "/min", form: .bars,
            series: [
                Series(name: "done", style: .done, values: done),
                Series(name: "failed", style: .failed, values: failed),
            ])
        let waiting = Chart(
            title: "Waiting",
            summary: "At most \(deepest)\(isMore ? " or more" : "") jobs waited in the last hour.",
            now: depth.compactMap { $0 }.last.map {
                Told.number(Int($0)) + (isMore && $0 >= 10_000 ? "+" : "")
            }
                ?? "–", unit: isMore ? "+" : "", form: .area,
            series: [Series(name: "waiting", style: .depth, values: depth)])
        return (rate, waiting)
    }
}
