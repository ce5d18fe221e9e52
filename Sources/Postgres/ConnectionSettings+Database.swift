extension ConnectionSettings {
    /// The same server, account and options, in another database. The address comes back as libpq keyword text.
    /// - Throws: `PostgresError.badAddress` when the address cannot be read.
    package func inDatabase(_ name: String) throws -> ConnectionSettings {
        var given = try DatabaseAddress.parse(url)
        given["dbname"] = name
        var moved = self
        moved.url = given.sorted { $0.key < $1.key }.map { "\($0.key)='\(Self.quoted($0.value))'" }.joined(
            separator: " ")
        return moved
    }

    private static func quoted(_ value: String) -> String {
        String(value.flatMap { $0 == "'" || $0 == "\\" ? ["\\", $0] : [$0] })
    }
}
