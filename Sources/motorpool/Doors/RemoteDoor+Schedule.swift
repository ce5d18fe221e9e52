internal import Jobs
internal import Store
internal import World

/// The schedule of a farm over HTTP.
extension RemoteDoor {
    func schedules() async throws -> [ScheduleReport] {
        let answer = try await farm.ask(.get, "/admin/api/schedules")
        guard answer.status == 200, case .array(let lines)? = answer.json?["schedules"]?.value else {
            throw Refusal(answer.message)
        }
        return lines.compactMap { ScheduleReport($0) }
    }

    func slots(of schedule: String, limit: Int) async throws -> [SlotReport]? {
        let answer = try await farm.ask(.get, path(schedule))
        if answer.status == 404 { return nil }
        guard answer.status == 200, case .array(let slots)? = answer.json?["slots"]?.value else {
            throw Refusal(answer.message)
        }
        return Array(slots.compactMap { SlotReport($0) }.prefix(limit))
    }

    func runNow(schedule: String, by actor: String) async throws -> JobID? {
        // Asked twice it would run twice.
        let answer = try await farm.ask(.post, path(schedule, "run"), repeating: .never)
        if answer.status == 404 { return nil }
        guard answer.status == 200, let job = answer.json?["job"].flatMap({ Int64($0.json.description) })
        else {
            throw Refusal(answer.message)
        }
        return JobID(job)
    }

    func pauseSchedule(_ name: String, by actor: String) async throws -> Bool {
        try await change(name, "pause") != nil
    }

    func resumeSchedule(_ name: String, by actor: String) async throws -> Bool? {
        try await change(name, "resume")
    }

    private func change(_ name: String, _ deed: String) async throws -> Bool? {
        let answer = try await farm.ask(.post, path(name, deed))
        if answer.status == 404 { return nil }
        guard answer.status == 200, case .bool(let changed)? = answer.json?["changed"]?.value else {
            throw Refusal(answer.message)
        }
        return changed
    }

    private func path(_ schedule: String, _ deed: String? = nil) -> String {
        "/admin/api/schedules/\(schedule.percentEncoded)" + (deed.map { "/\($0)" } ?? "")
    }
}
