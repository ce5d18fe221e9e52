package import Farm

/// Kinds for trying the farm out and for testing it. Each has its `jobs/<kind>.conf`.
package enum TrialKinds {
    package static let all: [AnyKind] = [
        AnyKind(Noop()), AnyKind(Sleep()), AnyKind(Fail()), AnyKind(Abort()), AnyKind(Effect()),
        AnyKind(Family()),
    ]
}
