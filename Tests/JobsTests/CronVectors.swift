import FoundationEssentials
import Jobs
import Platform
import TestSupport

/// A table of `Tests/Fixtures/cron`: rows of columns by their headings.
enum CronVectors {
    static func rows(_ file: String) throws -> [[String: String]] {
        let path = "\(Checkout.path)/Tests/Fixtures/cron/\(file)"
        let text = try String(decoding: Data(contentsOf: URL(filePath: path)), as: UTF8.self)
        let lines = text.split(separator: "\n").map {
            $0.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
        }
        return lines.dropFirst().map { line in
            Dictionary(
                uniqueKeysWithValues: zip(lines[0], line + Array(repeating: "", count: lines[0].count)))
        }
    }

    static func zone(_ name: String) throws -> TimeZoneRules {
        try TimeZoneRules(builtIn: name) ?? TimeZoneRules(name: name, file: ZoneInfo.read(name))
    }
}

/// How many rows passed, and how many were passed over for which reason.
struct Counts {
    private(set) var passed = 0
    private(set) var skipped: [String: Int] = [:]

    mutating func pass() { passed += 1 }

    mutating func skip(_ reason: String) { skipped[reason, default: 0] += 1 }

    func print(_ name: String) {
        let reasons = skipped.sorted { $0.value > $1.value }.map { "\($0.value) \($0.key)" }
        Swift.print(
            "\(name): \(passed) passed, \(skipped.values.reduce(0, +)) skipped (\(reasons.joined(separator: "; ")))"
        )
    }
}
