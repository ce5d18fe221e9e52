package import Farm

/// Kinds for trying the farm out and for testing it, known only to a process that was started with `--trial`: one of them
/// crashes its process. Each has its `jobs/trial/<kind>.conf`.
package enum TrialKinds {
    package static let names = [
        Noop.name, Sleep.name, Fail.name, Abort.name, Effect.name, Family.name,
    ]

    /// - Parameter ledger: the file to which `effect` appends a line at the begin and at the end of a run that asks for it.
    package static func all(ledger: String? = nil) -> [AnyKind] {
        [
            AnyKind(Noop()), AnyKind(Sleep()), AnyKind(Fail()), AnyKind(Abort()),
            AnyKind(Effect(ledger: ledger)),
            AnyKind(Family()),
        ]
    }
}
