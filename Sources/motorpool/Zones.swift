internal import Jobs
internal import Platform

/// Time zones by name: those that need no file, and those of the system.
enum Zones {
    /// - Throws: `ZoneInfo.Unreadable`, which says what is the matter with the name.
    static func named(_ name: String) throws -> TimeZoneRules {
        if let zone = TimeZoneRules(builtIn: name) { return zone }
        let bytes = try ZoneInfo.read(name)
        do {
            return try TimeZoneRules(name: name, file: bytes)
        } catch {
            throw ZoneInfo.Unreadable(description: "has a file that is not understood: \(error)")
        }
    }
}
