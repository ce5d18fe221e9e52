internal import Platform

/// Tells of a step's failure once, however often the step is tried again: anew only when the error is another one, or
/// when the step had succeeded in between.
struct FaultReporter: Sendable {
    private let faults = Faults()
    private let tell: @Sendable (FarmEvent) -> Void

    /// More steps than there are; a bound for names that come from data.
    private static let stepsMax = 1000

    init(tell: @escaping @Sendable (FarmEvent) -> Void) { self.tell = tell }

    func failed(_ step: String, _ error: any Error) {
        let text = String(reflecting: error)
        let isNew = faults.byStep.withLock { faults in
            guard faults[step] != text, faults[step] != nil || faults.count < Self.stepsMax else {
                return false
            }
            faults[step] = text
            return true
        }
        if isNew { tell(.trouble("\(step): \(text)")) }
    }

    func succeeded(_ step: String) { faults.byStep.withLock { _ = $0.removeValue(forKey: step) } }

    /// The steps that failed the last time.
    var failing: Set<String> { faults.byStep.withLock { Set($0.keys) } }

    /// Runs a step that stands for itself: its failure is told and stops nothing else.
    /// - Returns: `nil` when it failed.
    /// - Throws: `CancellationError`
    func step<T: Sendable>(_ name: String, _ body: () async throws -> T) async throws -> T? {
        do {
            let value = try await body()
            succeeded(name)
            return value
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            failed(name, error)
            return nil
        }
    }

    private final class Faults: Sendable {
        let byStep = Lock<[String: String]>([:])
    }
}
