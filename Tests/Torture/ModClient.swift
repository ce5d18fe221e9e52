import Jobs
import World

/// Asks a front for mods, as the clients of Open Workshop do.
struct ModClient: Sendable {
    let caller: Caller
    /// Its address.
    let front: String

    struct Answer: Sendable {
        let status: Int
        /// Of an answer that is no file.
        let errorID: Int64?
        /// The ZIP, or the words.
        let body: [UInt8]

        init(_ answer: WebAnswer) {
            status = answer.status
            body = answer.body
            errorID = answer.status == 200 ? nil : try? JSON(answer.body).parts()["error_id"]?.whole
        }
    }

    /// Wants a mod that may have to be fetched.
    func ask(for mod: Int64) async throws -> Answer {
        Answer(try await caller.ask("\(front)/download/steam/\(mod)"))
    }

    /// Takes a mod that is there.
    func take(_ mod: Int64) async throws -> Answer {
        Answer(try await caller.ask("\(front)/download/\(mod)"))
    }

    /// How it stands with mods; those that are neither there nor coming are left out.
    func conditions(of mods: [Int64]) async throws -> [Int64: Int] {
        let ids = mods.map(String.init).joined(separator: ",")
        let answer = try await caller.ask("\(front)/condition/mod/%5B\(ids)%5D")
        guard answer.status == 200, case .object(let told) = try JSON(answer.body).parts().value else {
            throw TortureError(
                "conditions: \(answer.status) \(String(decoding: answer.body.prefix(500), as: UTF8.self))")
        }
        return told.reduce(into: [:]) { conditions, told in
            if let mod = Int64(told.name) { conditions[mod] = told.part.whole.map { Int($0) } }
        }
    }

    /// Asks for each that is neither there nor coming, all at once.
    /// - Returns: the statuses of the answers.
    func askForMissing(_ mods: [Int64]) async throws -> [Int] {
        let known = try await conditions(of: mods)
        return try await withThrowingTaskGroup(of: Int.self) { group in
            for mod in mods where known[mod] == nil {
                group.addTask { try await ask(for: mod).status }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
    }
}
