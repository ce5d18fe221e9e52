import Glibc
import Platform
import TestSupport
import Testing
import World

@Suite("A slot")
struct SlotTests {
    @Test("is new for every use, whatever was left in it")
    func fresh() async throws {
        try await withScratch { scratch in
            let first = try await Slot.take(scratch + "/slot")
            try put("old", to: first.home + "/file")
            try makeFolder(first.work + "/deep/deeper")
            symlink("/etc/passwd", first.work + "/deep/link")
            chmod(first.work + "/deep", 0)
            try put("stray", to: scratch + "/slot/stray")
            try await first.release()
            try await first.release()
            #expect(try paths(in: scratch + "/slot") == ["lock"])
            try makeFolder(scratch + "/slot/use/home")
            try put("stray", to: scratch + "/slot/use/home/stray")
            let second = try await Slot.take(scratch + "/slot")
            #expect(
                try paths(in: scratch + "/slot") == ["lock", "use/", "use/home/", "use/tmp/", "use/work/"])
            try await second.release()
        }
    }

    @Test("is one user's at a time")
    func exclusive() async throws {
        try await withScratch { scratch in
            let first = try await Slot.take(scratch + "/slot")
            await #expect(throws: SlotError.taken(scratch + "/slot")) {
                try await Slot.take(scratch + "/slot")
            }
            try await first.release()
            try await Slot.take(scratch + "/slot").release()
        }
    }

    @Test("is found among those that are free, until none is")
    func free() async throws {
        try await withScratch { scratch in
            let slots = scratch + "/slots"
            let first = try await Slot.takeFree(in: slots, count: 2)
            let second = try await Slot.takeFree(in: slots, count: 2)
            #expect(Set([first.path, second.path]) == [slots + "/0", slots + "/1"])
            await #expect(throws: SlotError.taken(slots)) { try await Slot.takeFree(in: slots, count: 2) }
            try await first.release()
            #expect(try await Slot.takeFree(in: slots, count: 2).path == first.path)
            try await second.release()
        }
    }

    @Test(
        "keeps its program's writing inside, where the kernel knows how",
        .enabled(if: Confinement.Kernel.shared.landlock > 0, "this kernel has no Landlock"))
    func inside() async throws {
        try await withScratch { scratch in
            try put("mine", to: scratch + "/canary")
            let slot = try await Slot.take(scratch + "/slots")
            let script = try Script.write(
                """
                cd "$HOME"
                echo inside > ../work/result || exit 9
                echo tmp > "$TMPDIR/t" || exit 9
                echo quiet > /dev/null || exit 9
                echo x > ../../stray; echo x > ../../../stray; echo x > /tmp/motorpool-stray-$$
                echo x > ../../../canary; rm -f ../../../canary; mv ../../../canary ../work/; ln ../../../canary ../work/hard
                ln -s ../../../canary link; echo x > link; rm -f ../../lock; mkdir ../../stray
                exit 0
                """, in: scratch)
            let told = Told<String>()
            let ending = try await Child.run(
                script, environment: ["PATH": "/usr/bin:/bin"], slot: slot, line: told.add)
            #expect(ending.status == .exited(0))
            #expect(!told.all.contains { $0.contains("../work/result") })
            #expect(try bytes(of: scratch + "/canary") == Array("mine".utf8))
            #expect(try paths(in: scratch).filter { $0.contains("stray") }.isEmpty)
            #expect(try bytes(of: slot.work + "/result") == Array("inside\n".utf8))
            #expect(exists(slot.path + "/lock"))
            try await slot.release()
        }
    }

    @Test(
        "of a farm that died is taken over after its program was ended",
        arguments: [
            "exec sleep 60", "setsid sleep 60 & exec sleep 60", "trap '' TERM; while :; do sleep 0.05; done",
            "env -i setsid sleep 60 & exec sleep 60",
        ])
    func takeOver(script: String) async throws {
        try await withScratch { scratch in
            let path = try Script.write(script, in: scratch)
            // A farm of another process: it takes the lock as a slot does, hands it to a program, and is killed with
            // its keeper, if it had one.
            let farm = try Script.write(
                """
                mkdir -p slot && cd slot && exec 3<>lock && flock -n 3 || exit 8
                printf '%s %s %s \\n' $$ "$(awk '{ sub(/.*\\) /, ""); print $20 }' /proc/$$/stat)" feedfacefeedfacefeedfacefeedface >&3
                MOTORPOOL_CHILD=feedfacefeedfacefeedfacefeedface /bin/sh \(path) &
                echo ready
                exec sleep 60 3>&-
                """, in: scratch)
            let child = try ChildProcess.start(
                // By the shell: a program that was just written may be busy.
                ["/bin/sh", farm], environment: ["PATH": "/usr/bin:/bin"], directory: scratch,
                output: .captured(bytesMax: 1000))
            while child.outputText != "ready\n" { _ = child.wait(deadline: .milliseconds(20)) }
            await #expect(throws: SlotError.taken(scratch + "/slot")) {
                try await Slot.take(scratch + "/slot")
            }
            kill(child.pid, SIGSTOP)
            await #expect(throws: SlotError.taken(scratch + "/slot")) {
                try await Slot.take(scratch + "/slot")
            }
            #expect(!Script.survivors(of: scratch + "/slot").isEmpty)
            // The farm alone, not its group; it is a zombie from here on, which counts as gone.
            kill(child.pid, SIGKILL)
            try await eventually("the farm ends", within: .seconds(60)) {
                try String(decoding: bytes(of: "/proc/\(child.pid)/stat"), as: UTF8.self).contains(") Z")
            }
            let slot = try await Slot.take(scratch + "/slot", patience: .seconds(20))
            #expect(Script.survivors(of: scratch + "/slot").isEmpty)
            try await slot.release()
            _ = child.wait(deadline: .seconds(5))
        }
    }

    @Test("that something else holds is not broken open, and its holder not ended")
    func foreign() async throws {
        try await withScratch { scratch in
            try await Slot.take(scratch + "/slot").release()
            let holder = try ChildProcess.start(
                ["flock", scratch + "/slot/lock", "sh", "-c", "echo ready; exec sleep 60"],
                environment: ["PATH": "/usr/bin:/bin"], output: .captured(bytesMax: 100))
            while holder.output.isEmpty { _ = holder.wait(deadline: .milliseconds(20)) }
            await #expect(throws: SlotError.self) {
                try await Slot.take(scratch + "/slot", patience: .milliseconds(200))
            }
            #expect(holder.wait(deadline: .zero) == nil)
            holder.kill()
            try await Slot.take(scratch + "/slot").release()
        }
    }

    @Test("that can't be taken keeps nobody from the next one, and is tried again when there is none")
    func others() async throws {
        try await withScratch { scratch in
            let slots = scratch + "/slots"
            try await Slot.takeFree(in: slots, count: 1).release()
            // A holder on another machine: his lock is seen, and he is not.
            let lock = open(slots + "/0/lock", O_RDWR | O_CLOEXEC)
            try put("99999999 5 feedfacefeedfacefeedfacefeedface \n", to: slots + "/0/lock")
            #expect(flock(lock, LOCK_EX | LOCK_NB) == 0)
            try put("no folder", to: slots + "/1")
            let began = BootClock.now
            let slot = try await Slot.takeFree(in: slots, count: 3)
            #expect(slot.path == slots + "/2")
            #expect(BootClock.now - began < .seconds(5))
            await #expect(throws: SlotError.held(slots + "/0", by: [])) {
                try await Slot.takeFree(in: slots, count: 1, patience: .milliseconds(100))
            }
            _ = flock(lock, LOCK_UN)
            close(lock)
            #expect(try await Slot.takeFree(in: slots, count: 3).path == slots + "/0")
            try await slot.release()
        }
    }

    @Test(
        "whose note is nonsense is taken", arguments: ["", "x", "1 2\n", "99999999 5 token \n", "\u{0}\u{0}"])
    func nonsense(note: String) async throws {
        try await withScratch { scratch in
            try makeFolder(scratch + "/slot")
            try put(note, to: scratch + "/slot/lock")
            try await Slot.take(scratch + "/slot").release()
        }
    }
}
