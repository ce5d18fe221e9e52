internal import Store

extension Examination {
    /// Runs that block their lane, or have lost it.
    func stuck() async throws -> [Finding] {
        let stuck = try await store.stuckRuns()
        guard !stuck.isEmpty else {
            return [Finding(.fine, "stuck", "every run ends or lets go of its thread")]
        }
        let told = stuck.prefix(10).map { Finding(.warning, "stuck", "\($0)") }
        guard stuck.count > told.count else { return told }
        return told + [Finding(.warning, "stuck", "\(stuck.count - told.count) more runs block a lane")]
    }
}
