package import HTTPServer
package import Jobs
internal import Platform

/// The foreign systems on loopback: Steam's Web API, its store, its item pages, a host of files, and the plans that the
/// stand-in of steamcmd follows.
///
/// Everything in it is made up. Each place can be told to go wrong, for one mod or for all, and it counts what it is
/// asked:
///
///     GET    /sandbox/mods                              what there is
///     GET    /sandbox/counts                            what was asked; DELETE forgets it
///     PUT    /sandbox/switches/{mod or all}/{switch}    like /sandbox/switches/all/api:throttled; DELETE turns it off
///     DELETE /sandbox/switches                          turns everything off
///     PUT    /sandbox/burglar                           what `steamcmd:burglar` is told; GET what came of its tries
package final class Sandbox: Sendable {
    private let server: HTTPServer
    private let canary: HTTPServer
    private let desk: SandboxDesk
    /// Its executable has steamcmd's manners.
    package let steamcmd: String
    package let address: BoundAddress

    /// Stands when this returns.
    ///
    /// - Parameters:
    ///   - port: 0: any that is free.
    ///   - folder: where it keeps its files; made when missing.
    ///   - program: the motorpool that the stand-in of steamcmd calls.
    /// - Throws: `BindFailure`, `SandboxFault`
    package init(port: UInt16 = 0, folder: String, program: String) throws {
        desk = try SandboxDesk(folder: folder)
        var settings = HTTPSettings()
        settings.port = port
        settings.loops = 1
        // Everybody here is a client of one address.
        settings.connectionsPerAddressMax = settings.connectionsMax
        server = HTTPServer(settings: settings) { [desk] request in await desk.answer(request) }
        settings.port = 0
        canary = HTTPServer(settings: settings) { [desk] _ in desk.touchedCanary() }
        address = try server.start()
        let cage = try canary.start()
        desk.stand(at: address.description, canary: cage.description)
        steamcmd = folder + "/steamcmd"
        try SandboxFile.write(
            steamcmd,
            Array(
                """
                #!/bin/sh
                # Stands in for steamcmd; made by motorpool's sandbox.
                exec \(SandboxFile.quoted(program)) sandbox-steamcmd \(address) -- "$@"

                """.utf8), isExecutable: true)
    }

    /// Ends it, with its connections.
    package func close() async {
        await server.drain(within: .zero)
        await canary.drain(within: .zero)
    }

    /// What was asked so far, as `GET /sandbox/counts` tells it.
    package var counts: JSON { JSON(text: desk.state.countsText) }

    /// Turns something wrong on or off, for one mod or (`nil`) for all.
    package func turn(_ it: SandboxSwitch, for mod: Int64? = nil, on isOn: Bool = true) {
        desk.state.turn(it, for: mod ?? 0, isOn: isOn)
    }

    /// Tells a burglar of `steamcmd:burglar` where things are, by lines like `state=/var/lib/motorpool`.
    package func tell(burglar inside: [String]) { desk.state.inside = inside }

    /// What came of its tries, a line each: `failed` or `DONE`, the try and the reason, by tabs.
    package var loot: [String] { desk.state.loot }

    package func turnAllOff() { desk.state.turnAllOff() }
    package func forgetCounts() { desk.state.forgetCounts() }
}
