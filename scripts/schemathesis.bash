# Asks a farm of its own whatever its /openapi.json allows, and much that it does not. Sourced by ./test, which has
# started a server and set `programs`, `checkout` and `scratch`.

schemathesis_port_first=28000

run_schemathesis() {
    local tool=${SCHEMATHESIS:-schemathesis} port=$((schemathesis_port_first + RANDOM % 2000)) status=0 address
    local told secret line
    command -v "$tool" >/dev/null || fail "no schemathesis in PATH: pip install schemathesis, or name it in SCHEMATHESIS"
    address=http://127.0.0.1:$port
    # An operator asks, so that the desk's doors open, too.
    told=$("$programs/motorpool" token new --role operator --name schemathesis)
    secret=$(grep -o 'mp_[0-9a-f]*' <<<"$told" | head -1)
    line=$(grep -o 'schemathesis:operator:[0-9a-f]*' <<<"$told" | head -1)
    # The kinds that crash and fail on purpose have no worker here; whoever waits, waits for the clock.
    (cd "$checkout" && exec "${drop[@]}" env DATABASE_URL="$MOTORPOOL_TEST_URL" MOTORPOOL_PORT="$port" \
        MOTORPOOL_READ_RATE='100000/s burst 100000' MOTORPOOL_WRITE_RATE='100000/s burst 100000' \
        MOTORPOOL_TOKEN_READ_RATE='100000/s burst 100000' MOTORPOOL_TOKEN_WRITE_RATE='100000/s burst 100000' \
        MOTORPOOL_TOKENS="$line" MOTORPOOL_STATE="$scratch/tmp/state" MOTORPOOL_GUEST_JOBS=10000000 \
        "$programs/motorpool" up --trial --sandbox --queues sleepers,effects,steam,steam-downloads,steam-pages) >"$scratch/farm.log" 2>&1 &
    child=$!
    for _ in {1..200}; do
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
        kill -0 "$child" 2>/dev/null || { cat "$scratch/farm.log" >&2; fail "the farm does not start"; }
        sleep 0.1
    done
    # The first job is one that has ended, so that its events do.
    curl -sf -o /dev/null -H "Authorization: Bearer $secret" -XPOST "$address/jobs?wait=30" -d '{"kind":"sleep","args":{"seconds":0}}'
    # What was called off is not gone: its end and the reason stay askable, so there is no use after free.
    # Its own folders go where ours are.
    (cd "$scratch/tmp" && "$tool" --config-file "$root/scripts/schemathesis.toml" run "$address/openapi.json" \
        --header "Authorization: Bearer $secret" \
        --checks all --exclude-checks use_after_free --request-timeout 20 --continue-on-failure "$@") || status=$?
    kill -TERM "$child" 2>/dev/null || true
    wait "$child" || true
    child=
    return "$status"
}
