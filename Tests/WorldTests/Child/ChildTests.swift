import Glibc
import Platform
import TestSupport
import Testing
import World

@Suite("A program of strangers")
struct ChildTests {
    static let environment = ["PATH": "/usr/bin:/bin"]

    /// Writes a script and runs it.
    private func run(
        _ script: String, _ arguments: [String] = [], in scratch: String,
        limits: Child.Limits = Child.Limits(),
        slot: Slot? = nil, watch: Child.Watch? = nil, line: @escaping @Sendable (String) -> Void = { _ in }
    ) async throws -> Child.Ending {
        let path = try Script.write(script, in: scratch)
        return try await Child.run(
            path, arguments, environment: Self.environment, directory: scratch, slot: slot, watch: watch,
            limits: limits, line: line)
    }

    private func quick(_ change: (inout Child.Limits) -> Void = { _ in }) -> Child.Limits {
        var limits = Child.Limits()
        limits.grace = .milliseconds(200)
        change(&limits)
        return limits
    }

    @Test("says line by line what it wrote, and how it ended")
    func lines() async throws {
        try await withScratch { scratch in
            let told = Told<String>()
            let ending = try await run(
                "echo one; echo two >&2; printf 'a\\rb\\r\\nc\\n\\n\\377d'; exit 5", in: scratch,
                line: told.add)
            #expect(ending == Child.Ending(cause: .itself, status: .exited(5), outputBytes: 18))
            #expect(told.all == ["one", "two", "a", "b", "c", "", "\u{fffd}d"])
        }
    }

    @Test("sees its arguments, its environment and its folder, and nothing of ours")
    func surroundings() async throws {
        try await withScratch { scratch in
            let told = Told<String>()
            _ = try await run(
                """
                pwd; echo "$1|$2"; cat; ls /proc/self/fd | tr '\\n' ' '; echo; env | sort; ulimit -c
                test "$(cut -d ' ' -f 6 /proc/$$/stat)" != "$1" && echo apart
                """, ["\(getsid(0))", "+quit; $HOME\n"], in: scratch, line: told.add)
            #expect(told.all.prefix(3) == [scratch, "\(getsid(0))|+quit; $HOME", ""])
            // Three of its own, and the folder that ls reads.
            #expect(told.all.contains("0 1 2 3 "))
            #expect(told.all.contains("PATH=/usr/bin:/bin"))
            #expect(!told.all.contains { $0.hasPrefix("HOME=") || $0.hasPrefix("MOTORPOOL_TEST") })
            #expect(told.all.suffix(2) == ["0", "apart"])
        }
    }

    @Test("that cannot be started says so", arguments: ["/nowhere/at/all", "/etc", "/etc/passwd"])
    func cannotStart(path: String) async throws {
        await #expect(throws: ChildProcessError.self) {
            try await Child.run(path, environment: Self.environment)
        }
        await #expect(throws: ChildProcessError.self) {
            try await Child.run("/bin/true", environment: Self.environment, directory: "/nowhere")
        }
    }

    @Test("that is ended by a signal says so", arguments: [SIGSEGV, SIGTERM, SIGKILL])
    func signals(number: Int32) async throws {
        try await withScratch { scratch in
            let ending = try await run("kill -\(number) $$", in: scratch)
            #expect(ending.cause == .itself)
            #expect(ending.status == .signalled(number))
        }
    }

    @Test("that hangs is ended when its time is over, and when it has been silent")
    func hangs() async throws {
        try await withScratch { scratch in
            let overtime = try await run(
                "while :; do echo x; sleep 0.05; done", in: scratch,
                limits: quick { $0.timeMax = .milliseconds(500) })
            #expect(overtime.cause == .overtime)
            #expect(overtime.status == .signalled(SIGTERM))
            let silence = try await run(
                "echo x; exec sleep 60", in: scratch, limits: quick { $0.idleMax = .milliseconds(300) })
            #expect(silence.cause == .silence)
            let shut = try await run(
                "exec >/dev/null 2>&1; exec sleep 60", in: scratch,
                limits: quick { $0.idleMax = .milliseconds(300) })
            #expect(shut.cause == .silence)
        }
    }

    @Test("that ignores SIGTERM is killed after the grace")
    func ignores() async throws {
        try await withScratch { scratch in
            let ending = try await run(
                "trap '' TERM INT HUP; while :; do sleep 0.05; done", in: scratch,
                limits: quick { $0.idleMax = .milliseconds(200) })
            #expect(ending.cause == .silence)
            #expect(ending.status == .signalled(SIGKILL))
        }
    }

    @Test("that is asked to end may clean up")
    func grace() async throws {
        try await withScratch { scratch in
            let told = Told<String>()
            let ending = try await run(
                "trap 'echo cleaned; exit 3' TERM; echo x; while :; do sleep 0.05; done", in: scratch,
                limits: quick {
                    $0.timeMax = .milliseconds(300)
                    $0.grace = .seconds(10)
                }, line: told.add)
            #expect(ending.cause == .overtime)
            #expect(ending.status == .exited(3))
            #expect(told.all.last == "cleaned")
        }
    }

    @Test("that floods is ended at the bound, and its lines are cut")
    func floods() async throws {
        try await withScratch { scratch in
            let told = Told<Int>()
            let flood = try await run("exec yes", in: scratch, limits: quick { $0.outputBytesMax = 1 << 20 })
            {
                told.add($0.utf8.count)
            }
            #expect(flood.cause == .flood)
            #expect(flood.outputBytes > 1 << 20)
            #expect(flood.outputBytes < 4 << 20)
            let giant = Told<Int>()
            let line = try await run("head -c 3000000 /dev/zero | tr '\\0' x; echo; echo end", in: scratch) {
                giant.add($0.utf8.count)
            }
            #expect(line.cause == .itself)
            #expect(giant.all == [16 << 10, 3])
            // All written at once, and gone before anybody looks.
            let last = try await run(
                "head -c 60000 /dev/zero", in: scratch, limits: quick { $0.outputBytesMax = 1000 })
            #expect(last.cause == .flood)
        }
    }

    @Test("that fills the disk is ended, and one that only grows there is alive")
    func weight() async throws {
        try await withScratch { scratch in
            try makeFolder(scratch + "/grown")
            let told = Told<Int64>()
            let heavy = try await run(
                "while :; do head -c 1000000 /dev/zero >> grown/$$.$(date +%N); sleep 0.02; done",
                in: scratch,
                limits: quick { $0.folderBytesMax = 3_000_000 },
                watch: Child.Watch(folder: scratch + "/grown", report: told.add))
            #expect(heavy.cause == .weight)
            #expect(told.all == told.all.sorted())
            let steady = try await run(
                "for i in 1 2 3 4 5 6; do head -c 100000 /dev/zero >> grown/steady; sleep 0.5; done; sleep 0.2",
                in: scratch,
                limits: quick { $0.idleMax = .milliseconds(2500) },
                watch: Child.Watch(folder: scratch + "/grown"))
            #expect(steady.cause == .itself)
            let file = try await run(
                "head -c 3000000 /dev/zero > grown/big", in: scratch,
                limits: quick { $0.process.fileBytes = 1_000_000 })
            #expect(file.status != .exited(0))
        }
    }

    @Test("is ended when the task is cancelled")
    func cancellation() async throws {
        try await withScratch { scratch in
            let told = Told<String>()
            let task = Task {
                try await run("echo $$; sleep 60 & sleep 60", in: scratch, limits: quick(), line: told.add)
            }
            try await eventually("the program speaks", within: .seconds(60)) { !told.all.isEmpty }
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            #expect(Script.survivors(of: scratch).isEmpty)
        }
    }

    @Test(
        "leaves nothing behind, whatever it does about groups and sessions",
        arguments: [
            "sleep 60 &",
            "setsid sleep 60 &",
            "setsid sh -c 'sleep 60 & setsid sleep 60 & exit' & sleep 0.1",
            "env -i setsid sleep 60 </dev/null >/dev/null 2>&1 3>&- &",
            "env -i setsid sh -c 'exec 3>&-; (setsid sleep 60 &) ; exit' </dev/null >/dev/null 2>&1; sleep 0.1",
            "(trap '' TERM HUP INT; while :; do sleep 0.01; done) & exit 0",
            "sleep 60 & kill -STOP $!",
            "for i in 1 2 3 4 5 6 7 8 9 10; do setsid sh -c 'sleep 60 & sleep 60' & done",
            "bomb() { sleep 60 & [ $1 -gt 0 ] && { bomb $(($1 - 1)) & bomb $(($1 - 1)) & }; wait; }; bomb 5 & sleep 0.3",
        ])
    func leftovers(script: String) async throws {
        try await withScratch { scratch in
            // The folder's name is how its processes are known here: each of them stands in it.
            let ending = try await run(script + "\nexit 0", in: scratch, limits: quick())
            #expect(ending.status == .exited(0))
            #expect(Script.survivors(of: scratch).isEmpty)
        }
    }

    @Test(
        "that ends or stops its keeper is ended all the same",
        arguments: [
            "kill -KILL $PPID; sleep 60", "setsid sleep 60 & kill -KILL $PPID; sleep 60",
            "env -i setsid sleep 60 & sleep 0.05; kill -KILL $PPID; sleep 60",
            "kill -STOP $PPID; sleep 60",
        ])
    func keeper(script: String) async throws {
        try await withScratch { scratch in
            let slot = try await Slot.take(scratch + "/slot")
            let ending = try await run(
                script, in: scratch, limits: quick { $0.idleMax = .milliseconds(500) }, slot: slot)
            #expect(ending.status == .signalled(SIGKILL) || ending.status == .signalled(SIGTERM))
            #expect(Script.survivors(of: scratch).isEmpty)
            try await slot.release()
        }
    }
}
