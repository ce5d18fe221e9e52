import Jobs

/// The result of a torture, as a table and as JSON.
struct Report: Sendable {
    let options: Options
    let findings: Findings
    let lives: Lives.Counts
    let weather: WeatherMaker.Counts
    let proxy: FaultProxy.Counts
    /// Sorted.
    let recoveries: [Duration]
    let stale: Int
    /// What was left when the queue did not become empty.
    let stuck: String?
    let duration: Duration

    /// Whether the faults did what they are there for.
    var hasBitten: Bool { findings.recovered >= options.kills / 2 && stale > 0 }

    var isClean: Bool {
        findings.areClean && stuck == nil && lives.deathsUnasked.isEmpty && (hasBitten || options.kills < 50)
    }

    private func percentile(_ part: Double) -> Duration? {
        recoveries.isEmpty ? nil : recoveries[min(recoveries.count - 1, Int(Double(recoveries.count) * part))]
    }

    /// Name and value of each line; the names are the keys of the JSON.
    private var rows: [(name: String, value: String, isText: Bool)] {
        func row(_ name: String, _ count: Int) -> (String, String, Bool) { (name, "\(count)", false) }
        func row(_ name: String, _ time: Duration?) -> (String, String, Bool) {
            (name, time.map { "\((($0.inSeconds * 1000).rounded()) / 1000)" } ?? "null", false)
        }
        return [
            row("acknowledged", findings.acknowledged), row("unknown outcome", findings.unknown),
            row("rolled back or refused", findings.refused), row("cancelled", findings.cancelled),
            row("lost", findings.lost.count), row("doubled", findings.doubled.count),
            row("unexpected", findings.unexpected.count), row("dead innocents", findings.poisoned.count),
            row("failures miscounted", findings.miscounted.count), row("recovered", findings.recovered),
            row("stale writes refused", stale), row("begun outside twice", findings.begunTwice),
            row("recovery p50 s", percentile(0.5)), row("recovery p99 s", percentile(0.99)),
            row("recovery max s", recoveries.last),
        ] + faultRows.map { row($0.0, $0.1) } + [
            row("duration s", duration), row("seed", Int(clamping: options.seed)),
        ]
    }

    private var faultRows: [(String, Int)] {
        [
            ("kills", lives.kills), ("kills at places", lives.killsAtPlaces), ("stops", lives.stops),
            ("drains", lives.drains), ("drains overdue", lives.drainsOverdue.count),
            ("starts in vain", lives.startsInVain),
        ]
            + FaultProxy.Cut.allCases.map { ("cuts \($0.rawValue)", proxy.cuts[$0] ?? 0) }
            + [
                ("resets", proxy.resets), ("silences", proxy.silences),
                ("terminations", weather.terminations),
                ("server crashes", weather.crashes), ("deaths unasked", lives.deathsUnasked.count),
            ]
    }

    var table: String {
        let width = rows.map(\.name.count).max() ?? 0
        var lines = rows.map { row in
            row.name + String(repeating: " ", count: width + 2 - row.name.count)
                + String(repeating: " ", count: max(0, 10 - row.value.count)) + row.value
        }
        lines += findings.examples
        lines += lives.drainsOverdue.prefix(5).map { "  drained too long: \($0)" }
        lines += lives.deathsUnasked.prefix(5).map { "  died unasked: \($0)" }
        if let stuck { lines.append("the queue did not become empty: \(stuck)") }
        if options.breaksFence, findings.doubled.isEmpty {
            lines.append("the fence was broken and nothing doubled")
        }
        if !hasBitten {
            lines.append(
                "the faults did not bite: recovered \(findings.recovered), stale writes refused \(stale)")
        }
        lines.append(isClean ? "nothing lost, nothing doubled" : "NOT CLEAN; the same faults again: \(again)")
        return lines.joined(separator: "\n")
    }

    private var again: String {
        "torture --kills \(options.kills) --scale \(options.scale) --seed \(options.seed)"
            + (options.breaksFence ? " --break fence" : "")
    }

    var json: String {
        let fields = rows.map { row in
            JSON.quoted(row.name.map { $0 == " " ? "_" : String($0) }.joined()) + ":" + row.value
        }
        let examples = findings.examples.map { JSON.quoted(String($0.dropFirst(2))) }.joined(separator: ",")
        return
            "{\"clean\":\(isClean),\"bitten\":\(hasBitten),\(fields.joined(separator: ",")),\"examples\":[\(examples)]}"
    }
}
