internal import HTTPServer
internal import Jobs

/// The route table as a page: rendered here, without a script and without anything from elsewhere.
enum DocsPage {
    static func page(_ routes: [Route], version: String) -> String {
        let shown = routes.filter { !$0.isPage }
        var groups: [String] = []
        for route in shown where !groups.contains(route.group) { groups.append(route.group) }
        let links = groups.map { "<a href=\"#\(anchor($0))\">\(Markup.escaped($0))</a>" }
        let sections = groups.map { group in
            let cards = shown.filter { $0.group == group }.map(card).joined()
            return "<section id=\"\(anchor(group))\"><h2>\(Markup.escaped(group))</h2>\(cards)</section>"
        }
        return """
            <!doctype html><html lang="en"><head><meta charset="utf-8"><title>Motorpool</title>
            <meta name="viewport" content="width=device-width, initial-scale=1"><link rel="stylesheet" href="/docs/style.css">
            </head><body><header><h1>Motorpool <small>\(Markup.escaped(version))</small></h1>
            <p>A worker farm on PostgreSQL: ask for jobs, and see what becomes of them. Programs read
            <a href="/openapi.json">/openapi.json</a>.</p><nav>\(links.joined(separator: " "))</nav></header><main>
            <pre>curl -si -XPOST http://HOST:PORT/jobs -H 'Idempotency-Key: a' \\
              -d '{"kind":"sleep","args":{"seconds":2}}'
            curl -s 'http://HOST:PORT/jobs/1?wait=30'</pre>
            <p>A token is sent as <code>Authorization: Bearer …</code>. Roles include each other: an operator may do what a
            producer may, and a producer what a reader may. Every problem is told as
            <code>{"error":{"code":…,"message":…,"request_id":…}}</code>.</p>
            \(sections.joined())</main></body></html>
            """
    }

    static let style = """
        :root{color-scheme:light dark;--ink:#1c2024;--soft:#5b6570;--line:#dfe3e8;--paper:#fff;--card:#f7f8fa;--mark:#0b5cad}
        @media(prefers-color-scheme:dark){:root{--ink:#e8eaed;--soft:#a2abb5;--line:#343a41;--paper:#15181b;--card:#1d2125;--mark:#7db7f2}}
        *{box-sizing:border-box}body{margin:0 auto;max-width:60rem;padding:1.5rem;font:16px/1.55 system-ui,sans-serif;color:var(--ink);background:var(--paper)}
        h1{margin:0 0 .25rem;font-size:1.8rem}h1 small{font-weight:400;font-size:1rem;color:var(--soft)}h2{margin:2.5rem 0 .75rem}
        a{color:var(--mark)}nav a{margin-right:1rem}code,pre{font:.875rem/1.5 ui-monospace,monospace}
        pre{overflow-x:auto;padding:1rem;background:var(--card);border:1px solid var(--line);border-radius:.5rem}
        article{margin:0 0 1rem;padding:1rem 1.25rem;background:var(--card);border:1px solid var(--line);border-radius:.5rem}
        article h3{margin:0;font-size:1.05rem;overflow-wrap:anywhere}article p{margin:.4rem 0}.role{float:right;color:var(--soft);font-size:.875rem}
        .box{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.9rem}th,td{padding:.25rem .75rem .25rem 0;text-align:left;vertical-align:top}
        td:first-child{white-space:nowrap;font-variant-numeric:tabular-nums}tr+tr td{border-top:1px solid var(--line)}
        """

    private static func card(_ route: Route) -> String {
        let parameters = route.parameters.map { parameter in
            let place = parameter.place == .header ? "header" : parameter.place.rawValue
            let need = parameter.isRequired && parameter.place != .path ? ", needed" : ""
            return row(
                "<code>\(Markup.escaped(parameter.name))</code>",
                "\(Markup.escaped(parameter.about)) <small>(\(place)\(need))</small>")
        }
        let answers = route.documentedAnswers.map { row(String($0.status), Markup.escaped($0.about)) }
        let about = route.about.isEmpty ? "" : "<p>\(Markup.escaped(route.about))</p>"
        let need = route.role == .anyone ? "" : "<span class=\"role\">\(route.role.rawValue)</span>"
        return """
            <article>\(need)<h3><code>\(route.method.rawValue) \(Markup.escaped(route.pattern))</code></h3>
            <p><strong>\(Markup.escaped(route.summary)).</strong></p>\(about)
            <div class="box"><table>\(parameters.joined())\(answers.joined())</table></div></article>
            """
    }

    private static func row(_ name: String, _ words: String) -> String {
        "<tr><td>\(name)</td><td>\(words)</td></tr>"
    }

    private static func anchor(_ group: String) -> String {
        group.lowercased().filter { $0.isLetter || $0.isNumber }
    }
}
