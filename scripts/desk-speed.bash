# Times every statement behind every page of the desk, over a million waiting jobs, by the server's own log.
# Sourced by ./test, whose server and programs it uses.

readonly statement_ms_max=50

time_desk() {
    local status=0
    export MOTORPOOL_DESK_SPEED=1
    (cd "$checkout" && exec "${drop[@]}" timeout --kill-after=10 "$suite_seconds_max" \
        "$programs/$bundle" --testing-library swift-testing --filter '^FrontTests\.DeskSpeedTests') \
        >"$scratch/desk-speed.log" 2>&1 &
    child=$!
    wait "$child" || status=$?
    child=
    [[ $status -eq 0 ]] || { cat "$scratch/desk-speed.log" >&2; return "$status"; }
    # Each page is asked for four times; the first finds no plan, and is told as the others are. What binding took is planning.
    awk -v max="$statement_ms_max" '
        match($0, /page [^ ]+ [0-9]+/) && /SELECT .page/ {
            if ($0 !~ /(execute|statement)/) next
            split(substr($0, RSTART, RLENGTH), parts, " ")
            page = parts[2]
            if (!(page in seen)) { seen[page] = 1; order[++pages] = page }
            next
        }
        /duration: / && page != "" && page != "end" {
            match($0, /duration: [0-9.]+/)
            ms = substr($0, RSTART + 10, RLENGTH - 10) + 0
            if ($0 ~ /(bind|parse) /) { pending += ms; next }
            if ($0 !~ /execute|statement/) next
            ms += pending
            pending = 0
            statements[page]++
            sum[page] += ms
            if (ms > worst[page]) {
                worst[page] = ms
                text = $0
                sub(/.*(execute|statement)[^:]*: */, "", text)
                words[page] = substr(text, 1, 70)
            }
        }
        END {
            printf "%9s %9s %4s  %s\n", "slowest", "together", "n", "page and its slowest statement (ms, over four turns; n and together a turn)"
            for (p = 1; p <= pages; p++) {
                page = order[p]
                if (page == "end") continue
                printf "%9.2f %9.2f %4d  %s   %s\n", worst[page], sum[page] / 4, statements[page] / 4, page, words[page]
                if (worst[page] > top) top = worst[page]
            }
            printf "the slowest statement of all took %.2f ms; at most %d are allowed\n", top, max
            exit top > max
        }' "$scratch/tmp/server.log"
}
