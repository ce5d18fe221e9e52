/// How far something is, on a terminal's standard error; silent elsewhere.
struct ProgressBar {
    private static let width = 30

    /// `nil`: nobody knows.
    let total: Int?

    init(total: Int?) { self.total = total }

    mutating func show(_ done: Int) {
        guard let total, total > 0 else { return Console.update("\(done)") }
        Console.update("\(Self.bar(done, of: total)) \(done) of \(total)")
    }

    /// Takes the line back.
    mutating func end() { Console.update("") }

    /// `[#####.....]  50%`
    static func bar(_ done: Int, of total: Int) -> String {
        let part = total > 0 ? min(1, max(0, Double(done) / Double(total))) : 0
        let filled = Int((part * Double(width)).rounded())
        let percent = String(Int(part * 100)).padded(leftTo: 3)
        return
            "[\(String(repeating: "#", count: filled))\(String(repeating: ".", count: width - filled))] \(percent)%"
    }
}
