/// Prometheus' text format, version 0.0.4, being written.
package struct MetricsText: Sendable {
    package typealias Sample = (labels: [(String, String)], value: Double)

    package private(set) var text = ""

    package init() {}

    /// Something that goes up and down.
    package mutating func gauge(_ name: String, _ help: String, _ samples: [Sample]) {
        write(name, "gauge", help, samples)
    }

    /// Something that only grows while its process lives; named `…_total`.
    package mutating func counter(_ name: String, _ help: String, _ samples: [Sample]) {
        write(name, "counter", help, samples)
    }

    package mutating func histogram(
        _ name: String, _ help: String, _ histograms: [(labels: [(String, String)], Meter.Histogram)]
    ) {
        guard !histograms.isEmpty else { return }
        head(name, "histogram", help)
        for (labels, histogram) in histograms {
            var count = 0
            for (index, inside) in histogram.counts.enumerated() {
                count += inside
                let bounds = Meter.Histogram.bounds
                let end = index < bounds.count ? MetricsText.number(bounds[index]) : "+Inf"
                line(name + "_bucket", labels + [("le", end)], Double(count))
            }
            line(name + "_sum", labels, histogram.seconds)
            line(name + "_count", labels, Double(count))
        }
    }

    private mutating func write(_ name: String, _ type: String, _ help: String, _ samples: [Sample]) {
        guard !samples.isEmpty else { return }
        head(name, type, help)
        for (labels, value) in samples { line(name, labels, value) }
    }

    private mutating func head(_ name: String, _ type: String, _ help: String) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
    }

    private mutating func line(_ name: String, _ labels: [(String, String)], _ value: Double) {
        let inside = labels.map { "\($0)=\"\(MetricsText.escaped($1))\"" }.joined(separator: ",")
        text += "\(name)\(inside.isEmpty ? "" : "{\(inside)}") \(MetricsText.number(value))\n"
    }

    private static func number(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? String(Int64(value)) : String(value)
    }

    private static func escaped(_ value: String) -> String {
        var escaped = ""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\\": escaped += "\\\\"
            case "\"": escaped += "\\\""
            case "\n": escaped += "\\n"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
