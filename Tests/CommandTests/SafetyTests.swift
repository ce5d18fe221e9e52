import FoundationEssentials
import Glibc
import Platform
import TestSupport
import Testing

@Suite("What others of this machine can see and reach")
struct SafetyTests {
    /// A shell that makes namespaces impossible for what it runs, as a container may.
    private func withoutNamespaces(
        _ words: [String], _ variables: [String: String]
    ) async throws -> ChildProcess.Output {
        let script = "echo 0 > /proc/sys/user/max_user_namespaces && exec \"$@\""
        return try await ChildProcess.run(
            [
                "/usr/bin/unshare", "--user", "--map-current-user", "--keep-caps", "/bin/sh", "-c", script,
                "sh",
                try TestServer.binary(),
            ] + words, environment: ["PATH": "/usr/bin:/bin", "USER": "tester"].merging(variables) { $1 },
            deadline: .seconds(60))
    }

    @Test("M8: where the kernel lacks something the doctor says what, and a farm that insists does not start")
    func required() async throws {
        try await withProgram { program in
            var variables = [
                "DATABASE_URL": program.database ?? "", "MOTORPOOL_JOBS": Checkout.path + "/jobs",
                "MOTORPOOL_STATE": "/nonexistent/state",
            ]
            let told = try await withoutNamespaces(["doctor"], variables).text
            #expect(told.contains("not fully confined"), "\(told)")
            #expect(told.contains("Landlock ABI \(Confinement.Kernel.shared.landlock)"))
            #expect(told.contains("named unix"), "\(told)")
            variables["MOTORPOOL_CONFINEMENT"] = "required"
            for command in ["work", "up"] {
                let refused = try await withoutNamespaces([command], variables)
                #expect(refused.status == .exited(2), "\(refused.text)")
                #expect(refused.text.contains("MOTORPOOL_CONFINEMENT=required"), "\(refused.text)")
            }
        }
    }

    @Test(
        "M8: where nothing is missing the doctor says so, and a farm that insists starts",
        .enabled(
            if: Confinement.Kernel.shared.gaps(with: [.landlock, .rooms]).isEmpty,
            "this kernel lacks something"))
    func complete() async throws {
        try await withProgram { program in
            var program = program
            program.variables["MOTORPOOL_CONFINEMENT"] = "required"
            let told = try await program("doctor", "--jobs", Checkout.path + "/jobs").text
            #expect(told.contains("confined to their slots"), "\(told)")
            let worker = try await program.work()
            try await worker.says("confinement")
            #expect(worker.child.outputText.contains("\"gaps\":[]"), "\(worker.child.outputText)")
            worker.child.kill()
        }
    }

    @Test("M5: neither a database's address nor a token stays in the command line", arguments: [true, false])
    func commandLine(isOneWord: Bool) async throws {
        try await withProgram { program in
            let address = program.database ?? ""
            var bare = program
            bare.database = nil
            let words = isOneWord ? ["--database-url=\(address)"] : ["--database-url", address]
            let worker = try bare.start(["work", "--jobs", Checkout.path + "/jobs"] + words)
            try await worker.says("started")
            let line = try TextOf.file("/proc/\(worker.child.pid)/cmdline")
            #expect(line.contains("--database-url") && !line.contains(address.suffix(20)), "\(line)")
            worker.child.kill()
        }
    }

    @Test("L8: what the program makes is its account's alone, whatever the umask was")
    func modes() async throws {
        try await withFolder([:]) { folder in
            let child = try ChildProcess.start(
                [
                    "/bin/sh", "-c", "umask 0; exec \"$@\"", "sh", try TestServer.binary(), "sandbox",
                    "--port", "0",
                    "--folder", folder + "/sandbox",
                ], environment: ["PATH": "/usr/bin:/bin"], output: .captured(bytesMax: 10_000))
            try await eventually("the sandbox stands", within: .seconds(30)) {
                _ = child.wait(deadline: .zero)
                return child.outputText.contains("MOTORPOOL_STEAMCMD=")
            }
            for path in ["", "/files", "/steamcmd"] {
                var status = stat()
                #expect(
                    stat(folder + "/sandbox" + path, &status) == 0 && status.st_mode & 0o077 == 0, "\(path)")
            }
            child.kill()
        }
    }
}
