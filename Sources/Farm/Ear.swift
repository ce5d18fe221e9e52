internal import Jobs
internal import Postgres
internal import Store

/// Hears the bell and the cancels of other processes. Deafness costs a poll interval, no more.
struct Ear: Sendable {
    let store: Store
    let pools: [Pool]
    let tally: Tally
    let tell: @Sendable (FarmEvent) -> Void

    func run() async {
        let listener = Listener(store.database.settings, channels: [Bell.channel, Bell.cancelChannel])
        listener.start()
        defer { listener.close() }
        for await event in listener.events {
            switch event {
            case .listening:
                tell(.bellConnected)
                for pool in pools { pool.claimAlarm.sound() }
            case .notification(Bell.channel, let queue):
                tally.count { $0.bells += 1 }
                for pool in pools where pool.name == queue { pool.claimAlarm.sound() }
            case .notification(_, let job):
                if let number = Int64(job) { end(JobID(number)) }
            case .lost(let why):
                tell(.bellLost(why))
            }
            if Task.isCancelled { return }
        }
    }

    private func end(_ job: JobID) {
        for pool in pools where pool.end(job, as: .cancelled) { tell(.cancelled(job)) }
    }
}
