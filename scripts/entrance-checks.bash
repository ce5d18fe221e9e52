# Checks of `run` and of what root does in it, with a checkout of its own and a program that only tells what it sees.
# Sourced by `test`; as root they show what root does, as another account what is left of that.

# A checkout that root alone may read, with a program that `run` believes to be built.
make_false_checkout() {
    mkdir -m 0711 "$scratch.run"
    false_root=$scratch.run/checkout
    mkdir -m 0700 "$false_root"
    cp -r "$root/run" "$root/scripts" "$root/jobs" "$root/Package.swift" "$false_root"
    mkdir -p "$false_root/.build/release" "$false_root/Sources" "$false_root/bin"
    cat >"$false_root/.build/release/motorpool" <<'PROGRAM'
#!/bin/bash
echo "umask $(umask)"
echo "uid $(id -u)"
echo "words $(tr '\0' ' ' </proc/$$/cmdline)"
echo "url ${DATABASE_URL:-}"
env | sed 's/^/env /'
PROGRAM
    chmod 0755 "$false_root/.build/release/motorpool"
    # Stands before the real one, and notes what it is asked about.
    printf '#!/bin/bash\necho "$(id -u) $*" >>"%s/asked"\nexec /usr/bin/ldd "$@"\n' "$false_root" >"$false_root/bin/ldd"
    chmod 0755 "$false_root/bin/ldd"
    touch "$false_root/.build/run.stamp"
}

# Whether a check holds, by its name.
entrance_check() {
    local name=$1
    shift
    if (set +e; "$@") >"$scratch/check.out" 2>&1; then
        say "✔ $name"
        passed=$((passed + 1))
    else
        say "✘ $name"
        cat "$scratch/check.out" >&2
        failed=$((failed + 1))
    fi
}

false_run() { (cd / && PATH=$false_root/bin:$PATH MOTORPOOL_STATE=$false_state "$false_root/run" "$@"); }

is_refused() {
    local words=$1 said
    shift
    if said=$("$@" 2>&1); then echo "was not refused: $said"; return 1; fi
    [[ $said == *"$words"* ]] || { echo "said: $said"; return 1; }
}

check_c3() {
    false_run version >/dev/null || return 1
    [[ -e $false_state/app/.build/release/motorpool ]] || { echo "there is no copy"; return 1; }
    cat "$false_root/asked"
    ! grep -q "^0 .*$false_state" "$false_root/asked"
}

check_m5() {
    local said watcher seen=$scratch/seen
    mkfifo "$scratch/stop"
    # Reads the words of all processes until it is told to stop.
    (while [[ -p $scratch/stop ]]; do cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' ' ' | grep -ao 'SECRETP[W]' ; done >"$seen") &
    watcher=$!
    for _ in 1 2 3; do
        said=$(DATABASE_URL=postgres://bob:SECRETPW@localhost/x false_run version) || return 1
    done
    rm "$scratch/stop"
    wait "$watcher"
    [[ $said == *"url postgres://bob:SECRETPW"* ]] || { echo "not handed on: $said"; return 1; }
    [[ ! -s $seen ]] || { echo "seen: $(sort -u "$seen")"; return 1; }
    said=$(false_run version --database-url postgres://bob:HIDDEN@localhost/x --token=TOKEN -- --token PLAIN) || return 1
    [[ $said == *"url postgres://bob:HIDDEN"* && $said == *"env MOTORPOOL_TOKEN=TOKEN"* ]] || { echo "$said"; return 1; }
    ! grep '^words' <<<"$said" | grep -E 'HIDDEN|TOKEN'
}

check_l8() { false_run version | grep -x 'umask 0077'; }

check_environment() {
    local said
    said=$(OTHER=1 LD_LIBRARY_PATH=/nowhere false_run version) || return 1
    ! grep -E '^env (OTHER|LD_LIBRARY_PATH|SUDO_)' <<<"$said"
}

check_l7_mode() {
    as_account chmod 0777 "$false_state"
    is_refused "chmod 0700" false_run version || return 1
    as_account chmod 0755 "$false_state"
    false_run version >/dev/null && [[ $(as_account stat -c %a "$false_state") == 700 ]]
}

check_l7_owner() {
    chown nobody "$false_state" && is_refused "chown -R" false_run version
    local status=$?
    chown "$account" "$false_state"
    return $status
}

check_l7_stray() {
    mkdir "$false_state/sandbox"
    is_refused "chown -R --no-dereference $account:" false_run version
    local status=$?
    rmdir "$false_state/sandbox"
    return $status
}

check_l7_above() {
    mkdir "$scratch.run/above" && chmod 0777 "$scratch.run/above"
    false_state=$scratch.run/above/state is_refused "chmod go-w" false_run version || return 1
    # A link in the place of the folder is not followed.
    mkdir "$scratch.run/target" && ln -s "$scratch.run/target" "$scratch.run/link"
    false_state=$scratch.run/link is_refused "belongs to" false_run version || return 1
    [[ $(stat -c %U "$scratch.run/target") == root ]]
}

check_writable_checkout() {
    chown "$account" "$false_root/scripts"
    chmod 0711 "$false_root"
    is_refused "$account may write to $false_root/scripts" false_run version
    local status=$?
    chown root "$false_root/scripts"
    chmod 0700 "$false_root"
    return $status
}

run_entrance_checks() {
    say "---- run"
    make_false_checkout
    false_state=$scratch/tmp/state
    local before=$failed total
    total=$((passed + failed))
    if is_root; then
        entrance_check "C3: root asks the loader about no file of the account's" check_c3
        entrance_check "C3: root runs no checkout that the account may write to" check_writable_checkout
        entrance_check "L7: a state folder of another account is refused, and the cure is named" check_l7_owner
        entrance_check "L7: a file of root's in the state folder is refused, and the cure is named" check_l7_stray
        entrance_check "L7: a state folder that others may replace is refused, and a link not followed" check_l7_above
    fi
    entrance_check "L7: a state folder that others may write to is refused, one that they may read is closed" check_l7_mode
    entrance_check "L8: what the farm makes is its account's alone" check_l8
    entrance_check "M5: no secret stands in the words of a process" check_m5
    entrance_check "nothing else of the environment is handed on" check_environment
    summary+=("$(printf '%-16s %4d ran, %d failed' run $((passed + failed - total)) $((failed - before)))")
}
