internal import Crypto
internal import HTTPServer

/// The desk's one style sheet and its icon: the only files it has.
enum StyleSheet {
    static let etag = "\"\(Hex.text(Array(SHA256.digest(css).prefix(12))))\""

    static func respond(_ request: Request) -> Response {
        let headers: Headers = [
            "ETag": etag, "Cache-Control": "public, max-age=300",
        ]
        if request.headers["If-None-Match"] == etag { return Response(304, headers: headers) }
        return Reply.bytes(Array(css.utf8), as: "text/css; charset=utf-8", headers: headers)
    }

    static var icon: Response {
        Reply.bytes(
            Array(svg.utf8), as: "image/svg+xml",
            headers: [
                "Cache-Control": "public, max-age=86400", "Content-Security-Policy": "default-src 'none'",
            ])
    }

    private static let svg = """
        <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#0f5f8c"/>\
        <path d="M7 23V10l6 8 3-4 3 4 6-8v13" fill="none" stroke="#fff" stroke-width="3" stroke-linejoin="round" stroke-linecap="round"/></svg>
        """

    private static let css = """
        :root {
          color-scheme: light dark;
          --page: #f6f7f9; --card: #ffffff; --line: #dde1e7; --soft: #eef1f5;
          --text: #1a2129; --dim: #56616e; --link: #0b5c8a; --accent: #0f5f8c; --on-accent: #ffffff;
          --good: #1b6e3c; --good-fill: #3f9d66; --bad: #b3261e; --bad-fill: #d4574e; --bad-soft: #fdeceb;
          --warn: #7d4e00; --warn-soft: #fff4dc; --busy: #0b5c8a; --busy-soft: #e4f1f9; --depth: #5d7fb8;
          --ring: #0f5f8c;
        }
        @media (prefers-color-scheme: dark) {
          :root {
            --page: #12161b; --card: #1a2027; --line: #2d3641; --soft: #222a33;
            --text: #e7ecf1; --dim: #a3afbc; --link: #7cc3ee; --accent: #1d6d9c; --on-accent: #ffffff;
            --good: #7fd6a2; --good-fill: #3f9d66; --bad: #ff9d94; --bad-fill: #d4574e; --bad-soft: #3a2122;
            --warn: #f2c46d; --warn-soft: #362c17; --busy: #7cc3ee; --busy-soft: #17303f; --depth: #6d92cf;
            --ring: #7cc3ee;
          }
        }
        * { box-sizing: border-box; }
        html { font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif; -webkit-text-size-adjust: 100%; }
        body { margin: 0; background: var(--page); color: var(--text); }
        a { color: var(--link); text-decoration: none; }
        a:hover { text-decoration: underline; }
        :focus-visible { outline: 2px solid var(--ring); outline-offset: 2px; border-radius: 4px; }
        .unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
        .skip { position: absolute; left: -999px; top: 0; background: var(--card); padding: .5rem 1rem; z-index: 2; }
        .skip:focus { left: 0; }

        header { display: flex; flex-wrap: wrap; align-items: center; gap: .25rem 1.25rem; padding: .5rem 1.5rem; background: var(--card); border-bottom: 1px solid var(--line); }
        .brand { margin: 0; font-weight: 700; letter-spacing: -.01em; font-size: 1.05rem; }
        .brand a { color: var(--text); }
        nav { flex: 1 1 auto; min-width: 0; }
        nav ul { display: flex; gap: .125rem; list-style: none; margin: 0; padding: 0; overflow-x: auto; scrollbar-width: none; }
        nav a { display: block; padding: .375rem .625rem; border-radius: 6px; color: var(--dim); white-space: nowrap; }
        nav a:hover { background: var(--soft); color: var(--text); text-decoration: none; }
        nav a[aria-current] { background: var(--soft); color: var(--text); font-weight: 600; }
        .who { display: flex; align-items: center; gap: .5rem; color: var(--dim); max-width: 100%; overflow-wrap: anywhere; }
        .find input { width: 9rem; }

        main { max-width: 76rem; margin: 0 auto; padding: 1.5rem; }
        footer { max-width: 76rem; margin: 0 auto; padding: 0 1.5rem 2rem; color: var(--dim); font-size: .8125rem; }
        h1 { font-size: 1.5rem; line-height: 1.25; letter-spacing: -.015em; margin: 0 0 .25rem; overflow-wrap: anywhere; }
        h2 { font-size: 1.0625rem; margin: 2rem 0 .625rem; letter-spacing: -.005em; }
        h1 + p.lead { margin: 0 0 1.25rem; color: var(--dim); max-width: 60rem; }
        .head { display: flex; flex-wrap: wrap; align-items: flex-start; justify-content: space-between; gap: .75rem; margin-bottom: .75rem; }
        .head h1 { margin: 0; } .head + .lead { margin: 0 0 1.25rem; } .lead .sub { color: var(--dim); margin-left: .5rem; }
        .acts { display: flex; flex-wrap: wrap; gap: .5rem; }
        .none, .dim { color: var(--dim); }
        .flash { background: var(--busy-soft); color: var(--text); border: 1px solid var(--line); border-left: 4px solid var(--accent); border-radius: 8px; padding: .625rem .875rem; margin: 0 0 1.25rem; }
        .empty { background: var(--card); border: 1px dashed var(--line); border-radius: 10px; padding: 1.125rem; margin: 0; color: var(--dim); }

        .tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .75rem; margin: 0 0 1.25rem; padding: 0; list-style: none; }
        .tiles li { background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
        .tiles a, .tiles div { display: block; padding: .75rem .875rem; color: inherit; height: 100%; border-radius: 10px; }
        .tiles a:hover { background: var(--soft); text-decoration: none; }
        .tiles .label { display: block; color: var(--dim); font-size: .8125rem; }
        .tiles .figure { display: block; font-size: 1.625rem; line-height: 1.2; font-weight: 650; letter-spacing: -.02em; font-variant-numeric: tabular-nums; }
        .tiles .more { display: block; color: var(--dim); font-size: .8125rem; }
        .tiles .bad .figure { color: var(--bad); }
        .tiles .warn .figure { color: var(--warn); }

        .charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(18rem, 1fr)); gap: .75rem; margin: 0 0 1.25rem; }
        .chart { margin: 0; background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: .75rem .875rem; min-width: 0; }
        .chart figcaption { display: flex; justify-content: space-between; align-items: baseline; margin-bottom: .5rem; }
        .chart .name { color: var(--dim); font-size: .8125rem; }
        .chart .value { font-weight: 650; font-variant-numeric: tabular-nums; }
        .chart .plot { position: relative; padding-top: .9375rem; }
        .chart .top { position: absolute; left: 0; top: -.25rem; color: var(--dim); font-size: .6875rem; }
        .chart svg { display: block; width: 100%; height: 6rem; overflow: visible; }
        .chart .axis { display: flex; justify-content: space-between; color: var(--dim); font-size: .6875rem; margin-top: .25rem; }
        .chart .empty { border: 0; padding: 1.5rem 0; background: none; }
        .chart .legend { margin: .25rem 0 0; font-size: .75rem; color: var(--dim); }
        .legend span::before { content: ""; display: inline-block; width: .625rem; height: .625rem; border-radius: 2px; margin-right: .375rem; }
        .legend span.done::before { background: var(--good-fill); }
        .legend span.failed::before { background: var(--bad-fill); }
        svg .grid { stroke: var(--line); stroke-dasharray: 3 4; vector-effect: non-scaling-stroke; }
        svg .base { stroke: var(--line); vector-effect: non-scaling-stroke; }
        svg rect.done { fill: var(--good-fill); }
        svg rect.failed { fill: var(--bad-fill); }
        svg polygon.depth { fill: var(--depth); opacity: .22; }
        svg polyline.depth { fill: none; stroke: var(--depth); stroke-width: 2; vector-effect: non-scaling-stroke; stroke-linejoin: round; }

        .sheet { overflow-x: auto; background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
        table { border-collapse: collapse; width: 100%; }
        th, td { text-align: left; padding: .5rem .75rem; vertical-align: top; }
        th { color: var(--dim); font-weight: 600; font-size: .8125rem; white-space: nowrap; border-bottom: 1px solid var(--line); }
        tbody tr + tr td { border-top: 1px solid var(--line); }
        tbody tr:hover { background: var(--soft); }
        td { overflow-wrap: break-word; } .title { overflow-wrap: anywhere; }
        td.text { min-width: 5.5rem; } td .title { display: inline-block; min-width: 7.5em; }
        th.number, td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
        td.deeds { text-align: right; white-space: nowrap; }
        td .sub { display: block; color: var(--dim); font-size: .8125rem; }
        td .error { display: block; color: var(--bad); font-size: .8125rem; }
        td time, td code { white-space: nowrap; }

        .state { display: inline-flex; align-items: center; gap: .375rem; font-weight: 600; white-space: nowrap; }
        .state::before { content: ""; width: .5rem; height: .5rem; border-radius: 50%; background: currentColor; flex: none; }
        .state.waiting { color: var(--warn); } .state.running { color: var(--busy); } .state.done { color: var(--good); }
        .state.dead { color: var(--bad); } .state.cancelled, .state.off { color: var(--dim); }
        .state.paused { color: var(--warn); } .state.on { color: var(--good); }
        .tag { display: inline-block; padding: 0 .4375rem; border-radius: 999px; background: var(--soft); border: 1px solid var(--line); font-size: .8125rem; margin: 0 .25rem .25rem 0; }
        .meter { display: block; height: .375rem; width: 100%; min-width: 5rem; }

        ul.look { list-style: none; margin: 0 0 1.25rem; padding: 0; background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
        ul.look li { padding: .625rem .875rem; overflow-wrap: anywhere; }
        ul.look li + li { border-top: 1px solid var(--line); }
        ul.look .bad { color: var(--bad); font-weight: 600; } ul.look .warn { color: var(--warn); font-weight: 600; }
        .calm { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: .625rem .875rem; margin: 0 0 1.25rem; }

        dl.facts { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .375rem 1.25rem; background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: .875rem; margin: 0; }
        dl.facts dt { color: var(--dim); } dl.facts dd { margin: 0; overflow-wrap: anywhere; }
        pre { margin: 0; padding: .75rem .875rem; background: var(--card); border: 1px solid var(--line); border-radius: 10px; white-space: pre-wrap; overflow-wrap: anywhere; font: .8125rem/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; max-height: 30rem; overflow-y: auto; }
        ol.errors { list-style: none; margin: 0; padding: 0; } ol.errors li { margin: 0 0 .75rem; }
        ol.errors p { margin: 0 0 .25rem; color: var(--dim); font-size: .8125rem; }
        .why { background: var(--warn-soft); border: 1px solid var(--line); border-left: 4px solid var(--warn); border-radius: 8px; padding: .625rem .875rem; margin: 0 0 1.25rem; overflow-wrap: anywhere; }
        .why.bad { background: var(--bad-soft); border-left-color: var(--bad-fill); }

        button, .button, input, select { font: inherit; color: inherit; border-radius: 7px; border: 1px solid var(--line); background: var(--card); padding: .3125rem .625rem; }
        button, .button { cursor: pointer; font-weight: 550; display: inline-block; }
        button:hover, .button:hover { background: var(--soft); text-decoration: none; }
        button.main { background: var(--accent); border-color: transparent; color: var(--on-accent); }
        button.main:hover { filter: brightness(1.1); }
        button.danger { color: var(--bad); border-color: var(--bad); }
        button.danger:hover { background: var(--bad-soft); }
        button.quiet { border-color: transparent; background: none; color: var(--dim); padding: .3125rem .5rem; }
        button.quiet:hover { background: var(--soft); color: var(--text); }
        input::placeholder { color: var(--dim); opacity: 1; }
        form.act { display: inline; }
        form.filter { display: flex; flex-wrap: wrap; gap: .625rem; align-items: flex-end; margin: 0 0 1rem; }
        form.filter label { display: block; color: var(--dim); font-size: .8125rem; }
        form.filter input, form.filter select { display: block; width: 10rem; max-width: 100%; }
        .chips { display: flex; flex-wrap: wrap; gap: .375rem; margin: 0 0 1rem; padding: 0; list-style: none; }
        .chips a { display: block; padding: .1875rem .6875rem; border: 1px solid var(--line); border-radius: 999px; background: var(--card); color: var(--text); }
        .chips a[aria-current] { background: var(--accent); border-color: transparent; color: var(--on-accent); }
        .pages { display: flex; gap: .75rem; margin: 1rem 0 0; align-items: center; flex-wrap: wrap; color: var(--dim); }
        .bulk { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; margin: 0 0 1rem; color: var(--dim); }
        .log-in { max-width: 24rem; margin: 4rem auto; background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 1.5rem; }
        .log-in label { display: block; margin: 1rem 0 .25rem; } .log-in input { width: 100%; } .log-in button { margin-top: 1rem; width: 100%; padding: .5rem; }
        .wrong { color: var(--bad); font-weight: 600; }

        @media (max-width: 44rem) {
          header { padding: .5rem 1rem; gap: .25rem .75rem; }
          nav { order: 3; flex-basis: 100%; }
          .find { flex: 1 1 6rem; } .find input { width: 100%; }
          main { padding: 1rem; }
          footer { padding: 0 1rem 2rem; }
          .tiles { grid-template-columns: repeat(2, minmax(0, 1fr)); }
          .sheet { border: 0; background: none; overflow: visible; }
          table, tbody, tr, td { display: block; width: 100%; }
          thead { display: none; }
          tbody tr { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: .375rem 0; margin-bottom: .625rem; }
          tbody tr + tr td { border-top: 0; }
          td, td.number, td.deeds { display: grid; grid-template-columns: 6.5rem minmax(0, 1fr); gap: .75rem; text-align: left; padding: .1875rem .875rem; white-space: normal; }
          td::before { content: attr(data-head); color: var(--dim); font-size: .8125rem; grid-column: 1; }
          td > * { grid-column: 2; } td { grid-auto-flow: row; }
          td.deeds::before { content: none; }
          td.deeds { display: flex; flex-wrap: wrap; gap: .5rem; }
          dl.facts { grid-template-columns: minmax(0, 1fr); gap: 0; } dl.facts dd { margin-bottom: .5rem; }
          form.filter label { flex: 1 1 40%; } form.filter input, form.filter select { width: 100%; }
        }
        @media (prefers-reduced-motion: no-preference) { a, button { transition: background-color .12s; } }
        """
}
