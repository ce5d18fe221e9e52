internal import Glibc
internal import Jobs

/// What people decide about kinds and slots: `jobs/` and `scheduler.conf`, read and checked together.
struct Policies: Sendable {
    let definitions: Definitions
    let schedule: [ScheduleLine]

    /// Reads everything, and lists every fault at once.
    static func load(_ settings: Settings, kinds: [String]) -> (policies: Policies, faults: [Fault]) {
        let (definitions, found) = settings.jobs.load(kinds: kinds, withTrial: settings.hasTrialKinds)
        let faults = Workplace.unknownKinds(settings) + found
        let (schedule, more) = loadSchedule(settings, kinds: kinds.filter { definitions[$0] != nil })
        return (Policies(definitions: definitions, schedule: schedule), faults + more)
    }

    /// The lines of the schedule; none when there is no file and none was named.
    private static func loadSchedule(
        _ settings: Settings, kinds: [String]
    ) -> (lines: [ScheduleLine], faults: [Fault]) {
        let file = settings.scheduler ?? besideJobs(settings.jobs)
        guard settings.scheduler != nil || access(file, F_OK) == 0 else { return ([], []) }
        do {
            let text = try TextFile.read(file, bytesMax: 4_194_304)
            let read = ScheduleFile(file: file, text: text, kinds: kinds, zone: Zones.named)
            return (read.lines, read.faults)
        } catch {
            return ([], [Fault(file: file, message: "\(error)")])
        }
    }

    private static func besideJobs(_ jobs: JobsFolder) -> String {
        guard let slash = jobs.path.lastIndex(of: "/") else { return "scheduler.conf" }
        return jobs.path[..<slash] + "/scheduler.conf"
    }
}
