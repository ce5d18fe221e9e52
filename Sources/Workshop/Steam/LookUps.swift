internal import Platform

/// Gathers look-ups while a budget makes them wait, so that one request asks for all of them.
///
/// The first of them leads: it waits for its turn, takes along whoever has come meanwhile, and asks. A leader that is
/// cancelled hands its place on.
final class LookUps: Sendable {
    private enum Turn: Sendable {
        case answered(Result<ItemAnswer, any Error>)
        case lead
        case cancelled
    }

    private struct Waiter {
        let ticket: Int
        let id: Int64
        let continuation: CheckedContinuation<Turn, Never>
    }

    private struct State {
        var waiters: [Waiter] = []
        var isLed = false
        var tickets = 0
    }

    private let state = Lock(State())

    /// - Parameters:
    ///   - together: items of one request at most.
    ///   - admit: waits until a request may be made.
    ///   - ask: makes it.
    func answer(
        about id: Int64, together: Int, admit: () async throws -> Void,
        ask: ([Int64]) async throws -> [Int64: ItemAnswer]
    ) async throws -> ItemAnswer {
        let leads = state.withLock { state in
            defer { state.isLed = true }
            return !state.isLed
        }
        if !leads {
            switch await turn(of: id) {
            case .answered(let result): return try result.get()
            case .cancelled: throw CancellationError()
            case .lead: break
            }
        }
        do { try await admit() } catch {
            handOn()
            throw error
        }
        let others = take(together - 1)
        // Who comes from now on has missed this request.
        handOn()
        do {
            let answers = try await ask(Array(Set(others.map(\.id) + [id])))
            for other in others {
                other.continuation.resume(returning: .answered(Self.find(other.id, answers)))
            }
            return try Self.find(id, answers).get()
        } catch {
            if Task.isCancelled {
                // They did not ask for our end.
                giveBack(others)
            } else {
                for other in others { other.continuation.resume(returning: .answered(.failure(error))) }
            }
            throw error
        }
    }

    private static func find(_ id: Int64, _ answers: [Int64: ItemAnswer]) -> Result<ItemAnswer, any Error> {
        if let answer = answers[id] { return .success(answer) }
        return .failure(
            SteamFailure.unreadable(
                ParserFailure(ItemDetailsParser.version, .changedLayout, "item \(id) was not answered")))
    }

    private func turn(of id: Int64) async -> Turn {
        let ticket = state.withLock { state in
            state.tickets += 1
            return state.tickets
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let mustLead = state.withLock { state in
                    // The leader may have gone since we looked.
                    guard state.isLed else {
                        state.isLed = true
                        return true
                    }
                    state.waiters.append(Waiter(ticket: ticket, id: id, continuation: continuation))
                    return false
                }
                if mustLead { continuation.resume(returning: .lead) }
                if Task.isCancelled { withdraw(ticket) }
            }
        } onCancel: {
            withdraw(ticket)
        }
    }

    private func withdraw(_ ticket: Int) {
        let waiter = state.withLock { state in
            state.waiters.firstIndex { $0.ticket == ticket }.map { state.waiters.remove(at: $0) }
        }
        waiter?.continuation.resume(returning: .cancelled)
    }

    private func take(_ count: Int) -> [Waiter] {
        state.withLock { state in
            let taken = Array(state.waiters.prefix(count))
            state.waiters.removeFirst(taken.count)
            return taken
        }
    }

    private func handOn() {
        let next = state.withLock { state in
            state.isLed = !state.waiters.isEmpty
            return state.waiters.isEmpty ? nil : state.waiters.removeFirst()
        }
        next?.continuation.resume(returning: .lead)
    }

    private func giveBack(_ waiters: [Waiter]) {
        guard !waiters.isEmpty else { return }
        let leader = state.withLock { state -> Waiter? in
            state.waiters.insert(contentsOf: waiters, at: 0)
            guard !state.isLed else { return nil }
            state.isLed = true
            return state.waiters.removeFirst()
        }
        leader?.continuation.resume(returning: .lead)
    }
}
