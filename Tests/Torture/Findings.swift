/// What the ledgers say about each other, in the words of Jepsen's total-queue.
struct Findings: Sendable {
    var acknowledged = 0
    var unknown = 0
    var refused = 0
    var cancelled = 0
    /// Sentences, one a finding.
    var lost: [String] = []
    var doubled: [String] = []
    var unexpected: [String] = []
    /// Dead although they did nothing but be there.
    var poisoned: [String] = []
    /// Jobs that fail a known number of times and were charged another.
    var miscounted: [String] = []
    var recovered = 0
    var begunTwice = 0

    init(book: Book, ledger: Ledger, outside: OutsideLedger, held: Set<RecoveryWatch.Held>) {
        let effects = Dictionary(grouping: ledger.effects, by: \.job)
        let endings = Dictionary(grouping: ledger.endings, by: \.job)
        judge(book.requests, effects, endings)
        judgeDoubles(effects, endings, ledger.endings)
        judgeUnexpected(book.requests, ledger)
        judgeOutside(outside, effects)
        judgeDeaths(book.requests, ledger.endings)
        recovered =
            Set(
                held.filter { held in endings[held.job]?.contains { $0.run > held.run } == true }.map(\.job)
            ).count
        begunTwice = Dictionary(grouping: outside.begins, by: \.job).values.count { $0.count > 1 }
        if ledger.left > 0 { lost.append("\(ledger.left) jobs have not left the queue") }
    }

    private mutating func judge(
        _ requests: [String: Book.Request], _ effects: [Int64: [Ledger.Effect]],
        _ endings: [Int64: [Ledger.Ending]]
    ) {
        for (tag, request) in requests {
            if request.isForked { doubled.append("\(tag): one key was answered by two jobs") }
            switch request.fate {
            case .acknowledged(let job):
                acknowledged += 1
                guard let ending = endings[job]?.first else {
                    lost.append(
                        "\(tag): job \(job) (\(request.kind)) came by \(request.door), was acknowledged and is nowhere, with \(effects[job]?.count ?? 0) effects"
                    )
                    continue
                }
                if request.kind == "effect", ending.ending == "done", effects[job] == nil {
                    lost.append("\(tag): job \(job) is done and left no effect")
                }
                if request.kind == "fail", !request.isDoomed, ending.failures != request.failures {
                    miscounted.append(
                        "\(tag): job \(job) failed \(request.failures) times and was charged \(ending.failures)"
                    )
                }
            case .cancelled(let job):
                cancelled += 1
                if effects[job] != nil {
                    unexpected.append("\(tag): job \(job) was cancelled and left an effect")
                }
                if endings[job]?.first?.ending != "cancelled" {
                    lost.append("\(tag): the cancel of job \(job) left no trace")
                }
            case .unknown, .open: unknown += 1
            case .refused: refused += 1
            }
        }
    }

    private mutating func judgeDoubles(
        _ effects: [Int64: [Ledger.Effect]], _ endings: [Int64: [Ledger.Ending]], _ all: [Ledger.Ending]
    ) {
        for (job, rows) in effects where rows.count > 1 {
            doubled.append(
                "job \(job): \(rows.count) effects, of runs \(rows.map { "\($0.run)" }.joined(separator: ", "))"
            )
        }
        for (job, rows) in endings where rows.count > 1 {
            doubled.append(
                "job \(job) left \(rows.count) times: \(rows.map(\.ending).joined(separator: ", "))")
        }
        let byTag = Dictionary(grouping: all.filter { $0.tag != nil }, by: { $0.tag ?? "" })
        for (tag, rows) in byTag where Set(rows.map(\.job)).count > 1 {
            doubled.append("\(tag): jobs \(Set(rows.map(\.job)).sorted()) for one request")
        }
    }

    private mutating func judgeUnexpected(_ requests: [String: Book.Request], _ ledger: Ledger) {
        let found = ledger.endings.map { ($0.tag, $0.job) } + ledger.effects.map { ($0.tag, $0.job) }
        for case (let tag?, let job) in found {
            switch requests[tag]?.fate {
            case nil: unexpected.append("job \(job) carries the tag \(tag), which nobody gave")
            case .refused:
                unexpected.append("\(tag): job \(job) is there although it was rolled back or refused")
            case .acknowledged(let asked) where asked != job:
                unexpected.append("\(tag): job \(job) is there, and job \(asked) was acknowledged")
            default: break
            }
        }
    }

    /// A run that was told to be committed must still be there: no crash of the server takes it back.
    private mutating func judgeOutside(_ outside: OutsideLedger, _ effects: [Int64: [Ledger.Effect]]) {
        for end in outside.ends where effects[end.job] == nil {
            lost.append(
                "job \(end.job): run \(end.run) was told that its effect is committed, and it is gone")
        }
    }

    private mutating func judgeDeaths(_ requests: [String: Book.Request], _ endings: [Ledger.Ending]) {
        for ending in endings where ending.ending == "dead" {
            let isDoomed = ending.tag.flatMap { requests[$0] }?.isDoomed == true
            if !isDoomed {
                poisoned.append("job \(ending.job) (\(ending.kind)) is dead: \(ending.reason ?? "?")")
            }
        }
    }

    /// Nothing lost, nothing doubled, nothing that should not be, and nobody punished for what others did.
    var areClean: Bool {
        lost.isEmpty && doubled.isEmpty && unexpected.isEmpty && poisoned.isEmpty && miscounted.isEmpty
    }

    /// A few of each, to begin looking with.
    var examples: [String] {
        [
            ("lost", lost), ("doubled", doubled), ("unexpected", unexpected), ("poisoned", poisoned),
            ("miscounted", miscounted),
        ].flatMap { name, found in found.sorted().prefix(5).map { "  \(name): \($0)" } }
    }
}
