import Glibc
import Platform
import TestSupport
import Testing
import World

/// Each with all that the kernel offers, and with either half of it alone.
@Suite("A program in its slot")
struct FenceTests {
    static let kernel = Confinement.Kernel.shared
    static let ways: [Confinement.Means] = [[.landlock, .rooms], [.landlock], [.rooms]]
    static let isComplete = kernel.gaps(with: [.landlock, .rooms]).isEmpty

    /// Runs a script in a slot beside which a secret lies.
    private func run(
        _ script: String, in scratch: String, _ means: Confinement.Means,
        line: @escaping @Sendable (String) -> Void = { _ in },
        limit change: (inout Child.Limits) -> Void = { _ in }
    ) async throws -> Child.Ending {
        try put("secret", to: scratch + "/secret")
        let slot = try await Slot.take(scratch + "/slot")
        var limits = Child.Limits()
        limits.grace = .milliseconds(200)
        limits.timeMax = .seconds(60)
        change(&limits)
        var reach = Child.Reach()
        reach.means = means
        let path = try Script.write(script, in: scratch)
        let ending = try await Child.run(
            path, [scratch], environment: ["PATH": "/usr/bin:/bin"], directory: slot.work, slot: slot,
            reach: reach,
            limits: limits, line: line)
        #expect(Script.survivors(of: scratch).isEmpty)
        try await slot.release()
        return ending
    }

    @Test(
        "C2: reads the system's files and its own, and no others", .enabled(if: isComplete), arguments: ways)
    func reading(means: Confinement.Means) async throws {
        try await withScratch { scratch in
            let told = Told<String>()
            let ending = try await run(
                """
                cat "$1/secret"; cat "$1/slot/lock"; cat /etc/shadow /etc/fstab; ls /var /home /root /run/lock /tmp/.
                echo kept > "$HOME/file" && cat "$HOME/file" && cat /etc/hosts > /dev/null && grep -q . /proc/self/stat && echo well
                """, in: scratch, means, line: told.add)
            #expect(ending.status == .exited(0))
            #expect(told.all.suffix(2) == ["kept", "well"])
            #expect(!told.all.contains("secret") && !told.all.contains { $0.contains("root:") })
        }
    }

    @Test(
        "H3: can end neither its keeper nor the farm, and leaves nothing behind", .enabled(if: isComplete),
        arguments: ways)
    func outliving(means: Confinement.Means) async throws {
        try await withScratch { scratch in
            let told = Told<String>()
            let ending = try await run(
                """
                env -i setsid sh -c 'exec 3>&-; cd "'"$HOME"'"; (setsid sleep 60 &) ; exit' </dev/null >/dev/null 2>&1; sleep 0.1
                kill -KILL $PPID \(getpid()) 2>/dev/null; sleep 0.3; echo lives
                """, in: scratch, means, line: told.add)
            #expect(ending.status == .exited(0))
            #expect(told.all == ["lives"])
        }
    }

    @Test("H4: is ended when its processes hold too much memory together", arguments: ways)
    func memory(means: Confinement.Means) async throws {
        try await withScratch { scratch in
            let script =
                "for i in 1 2 3; do (head -c 90000000 /dev/zero | tail -c 90000000 | sleep 30) & done; wait"
            let ending = try await run(
                script, in: scratch, means, limit: { $0.process.residentBytes = 150 << 20 })
            #expect(ending.cause == .memory)
        }
    }

    @Test("H4: has no more processes than it may", arguments: ways)
    func processes(means: Confinement.Means) async throws {
        try await withScratch { scratch in
            let script = "i=0; while [ $i -lt 60 ]; do sleep 20 & i=$((i + 1)); done; sleep 3; exit 7"
            let ending = try await run(script, in: scratch, means, limit: { $0.process.processes = 20 })
            // The kernel refuses the next one, or the keeper ends them all.
            #expect(ending.cause == (means.contains(.rooms) ? .itself : .crowd))
            #expect(ending.status != .exited(7))
        }
    }

    static let heaps = [
        "cd \"$TMPDIR\"; for i in 1 2 3; do head -c 3000000 /dev/zero > $i; done",
        "mkdir \"$HOME/hidden\"; head -c 9000000 /dev/zero > \"$HOME/hidden/file\"; chmod 0 \"$HOME/hidden\"",
        "cd \"$HOME\"; for i in $(seq 2000); do : > $i; done",
        "cd \"$HOME\"; d=$(printf 'd%.0s' $(seq 200)); for i in $(seq 30); do mkdir $d && cd $d; done; head -c 9000000 /dev/zero > file",
    ]

    @Test(
        "H4: is ended when any folder of its slot becomes too heavy, however it is hidden", arguments: heaps)
    func weight(script: String) async throws {
        try await withScratch { scratch in
            let ending = try await run(
                script + "\nsleep 30", in: scratch, Self.kernel.means,
                limit: {
                    $0.slotBytesMax = 8 << 20
                    $0.slotEntriesMax = 1000
                })
            #expect(ending.cause == .weight)
        }
    }

    @Test("H4: is ended when the disk becomes full")
    func fullDisk() async throws {
        try await withScratch { scratch in
            let ending = try await run(
                "sleep 30", in: scratch, Self.kernel.means, limit: { $0.diskFreeMin = .max })
            #expect(ending.cause == .weight)
        }
    }
}
