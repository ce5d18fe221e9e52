import Testing
import World

@Suite("What a process that unpacks says")
struct UnpackReportTests {
    static let reports: [UnpackReport] = [
        .unpacked(Archive.Contents(files: 3, folders: 4, bytes: 300_005)),
        .unpacked(Archive.Contents(files: 1, folders: 0, bytes: .max)), .noArchive, .tooLarge,
        .refused("\"a\" is encrypted"), .disk("writing a: No space left on device"),
    ]

    @Test("is read as it was meant", arguments: reports)
    func isRead(report: UnpackReport) {
        #expect(UnpackReport(code: report.code, lines: [report.line]) == report)
    }

    @Test("has a code that fits its line, and one line", arguments: reports)
    func isStrict(report: UnpackReport) {
        let line = report.line
        for other in Self.reports where other.code != report.code {
            #expect(UnpackReport(code: other.code, lines: [line]) == nil)
        }
        let long = line + String(repeating: "x", count: 1024)
        for lines in [[], [line, line], [line, ""], [" " + line], [long]] {
            #expect(UnpackReport(code: report.code, lines: lines) == nil)
        }
    }

    @Test(
        "has numbers as we print them",
        arguments: [
            "unpacked", "unpacked ", "unpacked 1 2", "unpacked 1 2 3 4", "unpacked 1 2 -3", "unpacked +1 2 3",
            "unpacked 01 2 3", "unpacked 1  3", "unpacked 1 2 3 ", "unpacked 1 2 0x3", "Unpacked 1 2 3",
            "unpacked 1 2 99999999999999999999", "unpacked １ 2 3", "done", "",
        ])
    func numbers(line: String) {
        #expect(UnpackReport(code: 0, lines: [line]) == nil)
    }

    @Test("is made harmless on both sides, and short")
    func words() {
        let words = "a\u{1b}[2J\nb\u{202e}c\u{2028}d\u{85}"
        let plain = "a\u{fffd}[2J\u{fffd}b\u{fffd}c\u{fffd}d\u{fffd}"
        #expect(UnpackReport.refused(words).line == "refused " + plain)
        #expect(UnpackReport(code: 42, lines: ["refused " + words]) == .refused(plain))
        let long = UnpackReport.refused(String(repeating: "𝔞", count: 5000))
        #expect(long.line.utf8.count <= UnpackReport.lineBytesMax)
        #expect(UnpackReport(code: long.code, lines: [long.line]) != nil)
    }
}
