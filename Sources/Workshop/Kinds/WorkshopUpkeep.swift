internal import Farm
internal import Jobs
internal import World

/// Keeps the disk in order: slots of crashed farms, files that no row names, and the mods that were asked for longest ago
/// when there is no room.
struct WorkshopUpkeep: JobKind {
    static let name = "workshop-upkeep"
    let desk: WorkshopKinds.Desk

    /// What Steam said of items that are not here is forgotten after so long.
    static let wordAgeMax = Duration.seconds(86_400)

    func run(_ args: NoArgs, _ run: Run) async throws -> Outcome {
        do {
            try desk.storehouse.open()
            let slots = await Slot.tidy(desk.storehouse.slots)
            let room = try await desk.room.make()
            try await desk.catalogue.forgetWords(olderThan: Self.wordAgeMax)
            // One slot that can't be emptied is told after everything else was put in order.
            if let fault = slots.fault { return .fail(error: "\(fault)") }
            return .done(
                result: JSON(
                    text:
                        "{\"slots\":\(slots.emptied),\"evicted\":\(room.evicted),\"orphans\":\(room.orphans)}"
                ))
        } catch let fault as FileFault {
            return .fail(error: "\(fault)")
        }
    }
}
