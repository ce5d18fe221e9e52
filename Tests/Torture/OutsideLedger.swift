/// The ledger outside the database: what the effect kind wrote into its file.
struct OutsideLedger: Sendable {
    struct Line: Sendable {
        let isBegin: Bool
        let job: Int64
        let run: Int32
        let process: Int32
        /// Monotonic, in seconds.
        let at: Double
    }

    let lines: [Line]

    init(file: String) {
        lines = TextFile.read(file).split(separator: "\n").compactMap { text in
            let parts = text.split(separator: " ")
            guard parts.count == 5, let job = Int64(parts[1]), let run = Int32(parts[2]),
                let process = Int32(parts[3]),
                let at = Double(parts[4])
            else { return nil }
            return Line(isBegin: parts[0] == "begin", job: job, run: run, process: process, at: at)
        }
    }

    var begins: [Line] { lines.filter(\.isBegin).sorted { $0.at < $1.at } }
    var ends: [Line] { lines.filter { !$0.isBegin } }
}
