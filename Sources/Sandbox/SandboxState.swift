internal import Jobs
internal import Platform

/// What is switched and what was asked, while a sandbox stands.
final class SandboxState: Sendable {
    private struct State {
        /// By mod; 0 for all of them.
        var switches: [Int64: Set<SandboxSwitch>] = [:]
        /// By what was asked, then by number of mod or game.
        var counts: [String: [Int64: Int]] = [:]
        /// Lines that a burglar is told, and lines that it told.
        var inside: [String] = []
        var loot: [String] = []
    }

    /// What a burglar in the place of steamcmd is told of the farm.
    var inside: [String] {
        get { state.withLock { $0.inside } }
        set {
            state.withLock { state in
                state.inside = newValue
                state.loot = []
            }
        }
    }

    /// What it told.
    var loot: [String] { state.withLock { $0.loot } }

    func note(loot lines: [String]) { state.withLock { $0.loot += lines } }

    private let state = Lock(State())

    func turn(_ it: SandboxSwitch, for mod: Int64, isOn: Bool) {
        state.withLock { state in
            if isOn { state.switches[mod, default: []].insert(it) } else { state.switches[mod]?.remove(it) }
        }
    }

    func turnAllOff() { state.withLock { $0.switches = [:] } }

    /// What goes wrong there for this mod.
    func troubles(at place: SandboxSwitch.Place, for mod: Int64) -> Set<String> {
        state.withLock { state in
            let on = (state.switches[0] ?? []).union(state.switches[mod] ?? [])
            return Set(on.filter { $0.place == place }.map(\.trouble))
        }
    }

    func count(_ what: String, _ number: Int64) {
        state.withLock { $0.counts[what, default: [:]][number, default: 0] += 1 }
    }

    func forgetCounts() { state.withLock { $0.counts = [:] } }

    var switchesText: String {
        let switches = state.withLock { $0.switches }
        return JSONText.object(
            switches.filter { !$0.value.isEmpty }.sorted { $0.key < $1.key }.map { mod, on in
                (mod == 0 ? "all" : String(mod), .array(on.map(\.description).sorted().map { .string($0) }))
            }
        ).text
    }

    var countsText: String {
        let counts = state.withLock { $0.counts }
        return JSONText.object(
            counts.sorted { $0.key < $1.key }.map { what, numbers in
                let total = Int64(numbers.values.reduce(0, +))
                let each = numbers.sorted { $0.key < $1.key }.map {
                    (String($0.key), JSONText.int(Int64($0.value)))
                }
                return (what, .object([("total", .int(total)), ("each", .object(each))]))
            }
        ).text
    }
}
