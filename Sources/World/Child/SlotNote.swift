import Glibc

/// Who took a slot, and how the processes of his program are known.
struct SlotNote: Equatable {
    struct Holder: Equatable {
        let pid: Int32
        let startTicks: Int64

        static var ourselves: Holder {
            Holder(pid: getpid(), startTicks: RunningProcess(pid: getpid()).startTicks ?? 0)
        }

        /// Whether the process that wrote this still runs, rather than another one of its number.
        var isAlive: Bool { RunningProcess(pid: pid).startTicks == startTicks }
    }

    let holder: Holder
    let mark: ChildMark

    init(holder: Holder, mark: ChildMark) {
        self.holder = holder
        self.mark = mark
    }

    /// Nil for what is no whole note.
    init?(_ text: String) {
        let words = text.split(separator: " ")
        guard words.count == 4, words[3] == "\n", let pid = Int32(words[0]), let ticks = Int64(words[1])
        else {
            return nil
        }
        self.init(holder: Holder(pid: pid, startTicks: ticks), mark: ChildMark(token: String(words[2])))
    }

    var text: String { "\(holder.pid) \(holder.startTicks) \(mark.token) \n" }
}
