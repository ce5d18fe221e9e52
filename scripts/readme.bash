# Runs the README's commands against a farm of its own, as a newcomer would. Sourced by `test`.

# The lines of the README's shell blocks that are commands for the second terminal.
readme_commands() {
    awk '/^```sh$/ { inside = 1; next } /^```$/ { inside = 0 } inside && NF && !/^#/ && $0 != "./run --trial"' "$root/README.md"
}

run_readme() {
    say "---- README.md"
    local port=$((20000 + RANDOM % 10000)) line ran=0 broken=0 answer=$scratch/readme.answer
    local surroundings=(env -u DATABASE_URL MOTORPOOL_STATE="$scratch/readme" MOTORPOOL_PORT="$port")
    "${surroundings[@]}" "$root/run" --trial >"$scratch/readme.log" 2>&1 </dev/null &
    child=$!
    local left=600
    until curl -fs -o /dev/null "localhost:$port/health/ready" || [[ $((left -= 1)) -le 0 ]]; do sleep 0.2; done
    while read -r line; do
        ran=$((ran + 1))
        (cd "$root" && "${surroundings[@]}" timeout 120 bash -c "${line//localhost:8000/localhost:$port}") >"$answer" 2>&1 </dev/null && continue
        broken=$((broken + 1))
        say "fails: $line"
        cat "$answer" >&2
    done < <(readme_commands)
    kill -TERM "$child" 2>/dev/null || true
    wait "$child" || { broken=$((broken + 1)); tail -20 "$scratch/readme.log" >&2; }
    child=
    if [[ $ran -eq 0 ]]; then broken=1 ran=1; fi
    passed=$((passed + (broken == 0)))
    failed=$((failed + (broken != 0)))
    summary+=("$(printf '%-16s %d commands ran, %d failed' README.md "$ran" "$broken")")
}
