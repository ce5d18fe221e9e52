internal import HTTPServer
internal import Jobs
internal import Store

/// The server behind the queue, and who holds its vacuum back.
enum DatabasePage {
    static func show(_ exchange: DeskExchange) async throws -> Response {
        let store = exchange.store
        let server = try await store.serverFacts()
        let table = try await store.hotTableFacts()
        var holders = Sheet("Who holds the vacuum back", [.text("Who"), .text("Since"), .number("For")])
        for holder in try await store.vacuumHolders() {
            holders.add([
                "<bdi>\(holder.words)</bdi>", Told.time(holder.since),
                Told.optional(holder.age.map(Told.span)),
            ])
        }
        let body: Markup = """
            <h1>Database</h1>
            <p class="lead">A snapshot that stays open keeps dead rows in the queue's table, and every claim has to step over them.</p>
            <h2>Who holds the vacuum back</h2>
            \(holders.markup(empty: "Nobody: no session, prepared transaction or replication slot keeps an old snapshot."))
            <h2>The live table</h2>
            <dl class="facts">
            <dt>Live rows</dt><dd>about \(Told.number(table.live))</dd>
            <dt>Dead rows</dt><dd>about \(Told.number(table.dead))</dd>
            <dt>Last vacuum</dt><dd>\(Told.time(table.lastVacuum))</dd>
            </dl>
            <h2>The server</h2>
            <dl class="facts">
            <dt>Version</dt><dd>\(server.version)</dd>
            <dt>Connections</dt><dd>\(server.connections) of \(server.connectionsMax)</dd>
            <dt>Durability</dt><dd>fsync \(server.fsync), synchronous_commit \(server.synchronousCommit), full_page_writes \(server.fullPageWrites)</dd>
            <dt>Autovacuum</dt><dd>\(server.autovacuum)</dd>
            <dt>Clock</dt><dd>\(Told.instant(server.clock))</dd>
            </dl>
            <p class="pages">For a full examination run <code>motorpool doctor</code>.</p>
            """
        var page = DeskPage(title: "Database", section: .database, body: body)
        try await page.addressed(to: exchange)
        return page.response()
    }
}
