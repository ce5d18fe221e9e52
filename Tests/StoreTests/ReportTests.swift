import Jobs
import Store
import TestSupport
import Testing

/// A job's report as JSON: what is written can be read back.
@Suite("A job's report")
struct ReportTests {
    @Test("is read back as it was written, wherever the job stands")
    func roundTrip() async throws {
        try await withDesk { desk in
            let worker = try await desk.worker()
            let job = try await desk.running(by: worker)
            try await desk.store.report(job.token, phase: "a \"phase\"\n", done: 3, total: 10)
            let waiting = try await desk.store.enqueue(
                NewJob(
                    "note", args: "{\"n\":1.50,\"t\":\"\\u0007 ☃\"}", subject: "s", delay: .seconds(60),
                    priority: .high, meta: "{\"a\":[]}"))
            let cancelled = try await desk.store.enqueue(NewJob("note", keep: true))
            _ = try await desk.store.cancel(cancelled.job, reason: "no need")
            for id in [job.id, waiting.job, cancelled.job] {
                let report = try #require(try await desk.store.job(id))
                let text = report.json.text
                let read = try #require(JobReport(try JSON(text: text).parts()))
                #expect(read.json.text == text)
                #expect(read.createdAt == report.createdAt)
            }
        }
    }

    @Test("is read when members are missing, as a front may leave some out")
    func partial() throws {
        let part = try JSON(text: "{\"id\":7,\"kind\":\"noop\",\"state\":\"done\",\"new\":1}").parts()
        let report = try #require(JobReport(part))
        #expect(report.id == JobID(7) && report.state == .done && report.subject == nil)
    }

    @Test(
        "is none without a number, a kind and a state that we know",
        arguments: [
            "{}", "[]", "{\"id\":7,\"kind\":\"noop\",\"state\":\"lost\"}",
            "{\"id\":\"7\",\"kind\":\"k\",\"state\":\"done\"}",
        ])
    func none(text: String) throws {
        let part = try JSON(text: text).parts()
        #expect(JobReport(part) == nil)
    }
}
