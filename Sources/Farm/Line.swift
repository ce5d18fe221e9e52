internal import Jobs
internal import Platform
internal import Store

/// Where the claims of a pool stand in its queues, shared by the claims that are under way at the same time.
///
/// A claim that was sent before a sweep says nothing about where the next begins: it would pass over what the sweep is for.
final class Line: Sendable {
    /// Where a claim begins, and after which sweep.
    struct Place: Sendable {
        let watermarks: Watermarks
        fileprivate let sweep: Int
    }

    private struct State {
        var watermarks: [Watermarks]
        var sweeps = 0
        var isFull = false
    }

    private let state: Lock<State>

    init(queues: Int, levels: [Level]) {
        state = Lock(State(watermarks: Array(repeating: Watermarks(levels: levels), count: queues)))
    }

    /// The last claim brought all it asked for: there is likely more.
    var isFull: Bool { state.withLock { $0.isFull } }

    /// Every queue begins at zero again.
    func sweep() {
        state.withLock { state in
            state.sweeps += 1
            for index in state.watermarks.indices { state.watermarks[index].sweep() }
        }
    }

    func place(in queue: Int) -> Place {
        state.withLock { Place(watermarks: $0.watermarks[queue], sweep: $0.sweeps) }
    }

    /// A claim that began at `place` brought these.
    func took(_ jobs: [ClaimedJob], from place: Place, in queue: Int, isFull: Bool) {
        state.withLock { state in
            state.isFull = isFull
            guard place.sweep == state.sweeps else { return }
            for job in jobs { state.watermarks[queue].advance(over: job) }
        }
    }
}
