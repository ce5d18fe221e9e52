import Jobs
import Testing
import Workshop

/// What steamcmd says is told apart, however it is said.
@Suite struct SteamcmdReportTests {
    static func report(_ text: String) -> SteamcmdReport {
        var report = SteamcmdReport()
        for line in text.utf8.split(separator: 0x0a, omittingEmptySubsequences: false) { report.read(line) }
        return report
    }

    static func failure(_ text: String, of id: Int64 = 77) -> SteamcmdFailure? {
        guard case .failure(let failure) = report(text).outcome(of: id) else { return nil }
        return failure
    }

    @Test(arguments: [
        "Success. Downloaded item 77 to \"/slot/77\" (456 bytes) ",
        "Success. Downloaded item 77 to \"/slot/77\" (456 bytes after 3 chunks)",
        "\u{1b}[0mSuccess. Downloaded item 77 to \"/slot/77\" (456 bytes) \u{1b}[0m",
        "Waiting for user info...OKSuccess. Downloaded item 77 to \"/slot/77\" (456 bytes) Downloading item 78 ...",
        "\u{1b}[1;32mSuccess.\u{1b}[0m Downloaded item 77 to \"/slot/77\" (456 bytes)\r",
        "e\u{301}Success. Downloaded item 77 to \"/slot/77\" (456 bytes)src\\public\\tier1 (264) : m_pModule",
    ])
    func aSuccessIsFoundAnywhere(text: String) throws {
        let outcome = Self.report(text).outcome(of: 77)
        let download = try outcome?.get()
        #expect(download?.path == "/slot/77")
        #expect(download?.bytes == 456)
    }

    @Test(arguments: [
        ("ERROR! Download item 77 failed (Timeout).", SteamcmdFailure.timeout),
        (
            "Downloading item 77 ...ERROR! Timeout downloading item 77../common/pipes.cpp (774) : Assertion",
            .timeout
        ),
        ("ERROR! Download item 77 failed (No Connection).", .noConnection),
        (
            "ERROR! Download item 77 failed (Failure).src\\public\\tier1\\interface.h (264) : m_pModule",
            .failure
        ),
        ("ERROR! Download item 77 failed (Locking Failed).", .lockingFailed),
        (
            "Update canceled: Staged file validation failed\nERROR! Download item 77 failed (Failure).",
            .stagedFiles
        ),
        (
            "Failed to write patch state file (File locked)\nERROR! Download item 77 failed (Failure).",
            .fileLocked
        ),
        ("ERROR! Download item 77 failed (Access Denied).", .notForUs("Access Denied")),
        ("ERROR! Download item 77 failed (No subscription).", .notForUs("No subscription")),
        (
            "[AppID 1] Failed to get item info: Access Denied\n[AppID 1] Download item 77 result : Failure",
            .notForUs("Access Denied")
        ),
        (
            "Update canceled: x (Missing configuration)\nERROR! Download item 77 failed (Failure).",
            .notForUs("Missing configuration")
        ),
        ("\u{1b}[0mERROR! Download item 77 failed (File Not Found).\u{1b}[0m", .fileNotFound),
        ("Logging in user 'x' to Steam Public...FAILED (Rate Limit Exceeded)", .rateLimited),
        ("Logging in user 'x' to Steam Public...ERROR (Rate Limit Exceeded)", .rateLimited),
        ("FAILED login with result code Rate Limit Exceeded", .rateLimited),
        (
            "Two-factor code:FAILED (Account logon denied, need two-factor code)",
            .loginRefused("Account logon denied, need two-factor code")
        ),
        ("ERROR! Not logged on.", .notLoggedOn),
        ("ERROR! Download item 77 failed (I/O Operation Failed).", .disk("I/O Operation Failed")),
        (
            "write: No space left on device\nERROR! Download item 77 failed (Failure).",
            .disk("No space left on device")
        ),
        ("ERROR! Download item 77 failed (Something New).", .unknown("Something New")),
        ("[AppID 1] Download item 77 result : Locking Failed", .lockingFailed),
    ])
    func everyClassIsToldApart(text: String, failure: SteamcmdFailure) {
        #expect(Self.failure(text) == failure)
    }

    @Test func aClassSaysWhatIsToBeDone() {
        #expect(SteamcmdFailure.timeout.remedy == .resume(triesMax: 5))
        #expect(SteamcmdFailure.failure.remedy == .startAnew(triesMax: 2))
        #expect(SteamcmdFailure.notForUs("x").remedy == .giveUp)
        #expect(SteamcmdFailure.rateLimited.remedy == .rest(.seconds(1800)))
        #expect(SteamcmdFailure.disk("x").remedy == .later)
    }

    @Test(arguments: [
        "", "Success. Downloaded item 78 to \"/slot/78\" (456 bytes)",
        "Success. Downloaded item 77 to \"/slot",
        "Success. Downloaded item 77 to /slot/77 (456 bytes)",
        "Success. Downloaded item 77 to \"/slot/77\" (-1 bytes)",
        "Success. Downloaded item 77777777777777777777777 to \"/slot/77\" (1 bytes)",
        "ERROR! Timeout downloading item XXXXXXXX", "ERROR! Download item failed",
        "Downloaded item +77 to \"/s\" (1 bytes)",
        "Success. Downloaded item ٧٧ to \"/slot/77\" (1 bytes)", "\u{1b}[\u{1b}[\u{1b}[",
        "Loading Steam API...OK", "[AppID 1] Download item 77 result : OK",
    ])
    func whatSaysNothingOfTheItemIsNoOutcome(text: String) {
        let outcome = Self.report(text).outcome(of: 77)
        #expect(outcome == nil)
    }

    @Test func bytesThatAreNoTextHideNothing() {
        var report = SteamcmdReport()
        report.read(
            [0xff, 0xfe, 0xd0] + Array("ERROR! Download item 77 failed (Failure).".utf8) + [0xd0, 0])
        #expect(report.outcome(of: 77) == .failure(.failure))
    }

    @Test func aFloodIsKeptWithinBounds() {
        var report = SteamcmdReport()
        let line = Array(String(repeating: "Download item 1 failed (x). No subscription ", count: 300).utf8)
        for _ in 0..<20 { report.read(line) }
        #expect(report.failures.count == 1000)
        #expect(report.complaints.count == 20)
    }

    @Test(.enabled(if: Captures.arePresent, "the captures do not lie beside the checkout"))
    func capturedSessionsReadAsExpected() throws {
        let names = try Captures.names(in: "steamcmd")
        for name in names {
            var report = SteamcmdReport()
            for line in try Captures.bytes(name).split(separator: 0x0a) { report.read(line) }
            let expected = try Captures.expected(name)
            let downloads = report.downloads.map { "\($0.id) \($0.path) \($0.bytes)" }
            let expectedDownloads = (expected["success"]?.list ?? []).map {
                "\($0["id"]?.word ?? "") \($0["path"]?.word ?? "") \($0["bytes"]?.word ?? "")"
            }
            #expect(downloads == expectedDownloads, "\(name)")
            let failures = report.failures.map { "\($0.id) \($0.reason)" }
            let expectedFailures =
                (expected["failed"]?.list ?? []).map { "\($0["id"]?.word ?? "") \($0["reason"]?.word ?? "")" }
                + (expected["workshop_log_results"]?.list ?? []).map {
                    "\($0["id"]?.word ?? "") \($0["result"]?.word ?? "")"
                }
            #expect(failures == expectedFailures, "\(name)")
            #expect(report.loginFailure == expected["login_failure"]?.word, "\(name)")
            if expected["info_error"]?.word == "Access Denied" {
                #expect(report.outcome(of: 2_202_185_773) == .failure(.notForUs("Missing configuration")))
            }
        }
        #expect(names.count == 13)
    }
}
