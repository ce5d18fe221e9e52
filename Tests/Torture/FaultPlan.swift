import Farm
import Platform
import TestSupport

/// Which faults a torture will see: drawn by the seed before it begins.
struct FaultPlan: Sendable {
    /// What happens to a worker process.
    enum Life: Sendable {
        /// SIGKILL so long after its start.
        case killedYoung(Duration)
        /// SIGKILL so long after it was first seen with work.
        case killedAtWork(Duration)
        /// It kills itself at the count-th pass of a place.
        case killedAt(KillPoint.Place, count: Int)
        /// SIGSTOP, so long after it was first seen with work, for longer than its lease.
        case stoppedAtWork(Duration)
        /// It stops itself at a place.
        case stoppedAt(KillPoint.Place, count: Int)

        var isKill: Bool {
            switch self {
            case .killedYoung, .killedAtWork, .killedAt: true
            case .stoppedAtWork, .stoppedAt: false
            }
        }

        /// What the process is told about itself.
        var killPoint: String? {
            switch self {
            case .killedAt(let place, let count): "\(place.rawValue):\(count)"
            case .stoppedAt(let place, let count): "\(place.rawValue):\(count):stop"
            case .killedYoung, .killedAtWork, .stoppedAtWork: nil
            }
        }
    }

    /// What happens to everything else.
    enum Weather: Sendable {
        case cut(FaultProxy.Cut, WireReader.Deed)
        case reset
        case silence(Duration)
        case terminateBackend
        case crashServer
    }

    let lives: [Life]
    let weather: [Weather]

    init(kills: Int, seed: UInt64) {
        var dice = Dice(seed: seed, "plan")
        var lives: [Life] = []
        for number in 0..<kills {
            lives.append(number % 2 == 0 ? .killed(&dice) : .killedAtPlace(number / 2, &dice))
        }
        for number in 0..<max(2, kills / 4) { lives.append(.stopped(number, &dice)) }
        self.lives = lives.shuffled(using: &dice)
        weather = FaultPlan.weather(kills, &dice)
    }

    private static func weather(_ kills: Int, _ dice: inout Dice) -> [Weather] {
        var weather: [Weather] = []
        for number in 0..<max(3, kills / 2) {
            let cut = FaultProxy.Cut.allCases[number % FaultProxy.Cut.allCases.count]
            weather.append(.cut(cut, dice.pick([.settle, .settle, .claim, .commit, .commit, .enqueue])))
            weather.append(.terminateBackend)
        }
        for number in 0..<max(2, kills / 4) {
            weather.append(.reset)
            weather.append(
                .silence(number % 2 == 0 ? dice.milliseconds(100...600) : dice.milliseconds(1500...9000)))
        }
        for _ in 0..<max(1, kills / 50) { weather.append(.crashServer) }
        return weather.shuffled(using: &dice)
    }
}

extension FaultPlan.Life {
    fileprivate static func killed(_ dice: inout Dice) -> Self {
        dice.chance(0.2) ? .killedYoung(dice.milliseconds(0...300)) : .killedAtWork(.atWork(&dice))
    }

    fileprivate static func killedAtPlace(_ number: Int, _ dice: inout Dice) -> Self {
        let place = KillPoint.Place.allCases[number % KillPoint.Place.allCases.count]
        return .killedAt(place, count: dice.int(passes(of: place)))
    }

    fileprivate static func stopped(_ number: Int, _ dice: inout Dice) -> Self {
        switch number % 4 {
        case 0, 2: .stoppedAt(.beforeFence, count: dice.int(passes(of: .beforeFence)))
        case 1: .stoppedAt(.beforeCommit, count: dice.int(passes(of: .beforeCommit)))
        default: .stoppedAtWork(.atWork(&dice))
        }
    }

    /// How often a place is passed in a second or two.
    ///
    /// Not at the first passes of a run: a new process begins with what others left, and a job that is alone at its
    /// third death is set aside, rightly. A torture that always killed there would breed such jobs.
    private static func passes(of place: KillPoint.Place) -> ClosedRange<Int> {
        switch place {
        case .duringDrain: 1...1
        case .duringRenewal: 1...3
        case .afterClaim, .beforeSettle, .afterSettle: 1...60
        case .beforeStart: 10...60
        case .beforeCommit, .beforeFence, .afterCommit: 5...30
        }
    }
}

extension Duration {
    /// A while in peace, in which suspects are cleared, and up to 300 ms more.
    fileprivate static func atWork(_ dice: inout Dice) -> Duration {
        dice.milliseconds(0...1500) + dice.milliseconds(0...300)
    }
}
