# Draws the desk of a farm that has a bit of everything into .build/screenshots.
# Sourced by ./test, whose server, programs and scratch folder it uses.

draw_desk() {
    local database=desk_screenshots port cookie secret line address output status=0
    command -v chromium >/dev/null || install_packages chromium fonts-dejavu-core fonts-noto-core
    port=$((20000 + RANDOM % 12000))
    address="http://localhost:$port"
    as_account "$tools/psql" -qX "$MOTORPOOL_TEST_URL" -c "CREATE DATABASE $database"
    local url=${MOTORPOOL_TEST_URL/\/postgres\?/\/$database?}
    as_account env DATABASE_URL="$url" "$programs/motorpool" migrate >/dev/null
    output=$("$programs/motorpool" token new --role operator --name ann)
    secret=$(grep -o 'mp_[0-9a-f]*' <<<"$output" | head -n 1)
    line=$(grep -o 'ann:operator:[0-9a-f]*' <<<"$output" | head -n 1)
    (cd "$checkout" && exec "${drop[@]}" env DATABASE_URL="$url" MOTORPOOL_TOKENS="$line" \
        "$programs/motorpool" serve --port "$port" >"$scratch/serve.log" 2>&1) &
    child=$!
    for _ in {1..100}; do
        if curl -fs "$address/health/ready" >/dev/null; then break; fi
        sleep 0.1
    done
    as_account "$tools/psql" -qX "$url" -v ON_ERROR_STOP=1 <"$root/scripts/screenshots.sql" >"$scratch/fill.log"
    # By way of a file: arguments are there for everybody to see.
    (umask 077 && printf 'token=%s' "$secret" >"$scratch/form")
    cookie=$(curl -si -H 'Sec-Fetch-Site: same-origin' --data @"$scratch/form" "$address/admin/login" |
        sed -n 's/^Set-Cookie: \([^;]*\).*/\1/Ip' | tr -d '\r')
    [[ -n $cookie ]] || { cat "$scratch/serve.log" >&2; fail "nobody could log in"; }
    local dead held running
    dead=$(as_account "$tools/psql" -qXAt "$url" -c "SELECT max(id) FROM motorpool.dead")
    held=$(as_account "$tools/psql" -qXAt "$url" -c "SELECT min(id) FROM motorpool.jobs WHERE held = 1")
    running=$(as_account "$tools/psql" -qXAt "$url" -c "SELECT min(id) FROM motorpool.jobs WHERE state = 1")
    python3 "$root/scripts/screenshots.py" "$address" "$cookie" "$root/.build/screenshots" \
        overview=/admin queues=/admin/queues queue=/admin/queues/steam jobs=/admin/jobs dead-jobs='/admin/jobs?place=dead' \
        held='/admin/jobs?place=held' job-dead="/admin/jobs/$dead" job-held="/admin/jobs/$held" \
        job-running="/admin/jobs/$running" dead=/admin/dead schedules=/admin/schedules workers=/admin/workers \
        limits=/admin/limits audit=/admin/audit database=/admin/database \
        bulk='/admin/bulk?action=retry&place=dead' empty='/admin/jobs?place=done' missing=/admin/jobs/999999 login=/admin/login ||
        status=$?
    kill -TERM "$child" 2>/dev/null || true
    wait "$child" || true
    child=
    say "screenshots: $(ls "$root/.build/screenshots" | wc -l) in .build/screenshots"
    return "$status"
}
