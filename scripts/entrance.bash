# What ./run and ./test share: they are the only places where anything happens as root. Root runs and reads its own files
# alone, and nothing below a folder that the account may write.
# Sourced; the caller has set `root` to the checkout.

# The account that everything of ours runs as when we are started by root.
readonly account=motorpool
readonly account_home=/var/lib/motorpool

say() { printf '%s\n' "$*" >&2; }
fail() { say "$0: $*"; exit 1; }
is_root() { [[ $EUID -eq 0 ]]; }

has_server() { compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null; }

as_root() {
    if is_root; then "$@"; else sudo -- "$@"; fi
}

install_packages() {
    say "installing: $*"
    is_root || command -v sudo >/dev/null || fail "these packages are missing, and only root can install them: $*"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 \
        -o Dpkg::Options::=--force-confold --no-install-recommends -y install "$@" </dev/null >&2
}

# Installs what is missing among the named needs, and asks nobody else when nothing is.
need() {
    local missing=() need
    for need in "$@"; do
        case $need in
            compiler) command -v swift >/dev/null || fail "no swift in PATH: install the Swift 6.3 toolchain" ;;
            headers)
                [[ -e /usr/include/postgresql/libpq-fe.h ]] || missing+=(libpq-dev)
                [[ -e /usr/include/libxml2/libxml/parser.h ]] || missing+=(libxml2-dev)
                [[ -e /usr/include/archive.h ]] || missing+=(libarchive-dev)
                [[ -e /usr/include/zip.h ]] || missing+=(libzip-dev)
                pkg-config --exists libcurl 2>/dev/null || missing+=(libcurl4-openssl-dev)
                [[ -e /usr/include/brotli/decode.h ]] || missing+=(libbrotli-dev)
                [[ -e /usr/include/openssl/evp.h ]] || missing+=(libssl-dev)
                [[ -e /usr/share/include/llhttp/llhttp.h ]] || missing+=(node-llhttp)
                [[ -e /usr/include/zlib.h ]] || missing+=(zlib1g-dev)
                [[ -e /usr/include/uv.h ]] || missing+=(libuv1-dev)
                command -v pkg-config >/dev/null || missing+=(pkg-config) ;;
            server) has_server || missing+=(postgresql) ;;
            zones) [[ -e /usr/share/zoneinfo/Europe/Berlin ]] || missing+=(tzdata) ;;
            proxy) [[ -x /usr/sbin/nginx ]] || missing+=(nginx-light) ;;
            curl) command -v curl >/dev/null || missing+=(curl) ;;
            python) [[ -x /usr/bin/python3 ]] || missing+=(python3) ;;
            pooler) [[ -x /usr/sbin/pgbouncer ]] || missing+=(pgbouncer) ;;
            *) fail "nobody knows how to install $need" ;;
        esac
    done
    [[ ${#missing[@]} -gt 0 ]] || return 0
    as_root apt-get -qq -o DPkg::Lock::Timeout=300 update </dev/null >&2 || say "the package lists could not be refreshed"
    if [[ " ${missing[*]} " == *" postgresql "* ]]; then forbid_main_cluster; fi
    # Debian starts a proxy with its package; the tests start their own.
    if [[ " ${missing[*]} " == *" nginx-light "* ]]; then without_services install_packages "${missing[@]}"; return; fi
    install_packages "${missing[@]}"
}

# Runs a command that installs packages, and starts none of the services that they bring. A policy that is there stays.
without_services() {
    local policy=/usr/sbin/policy-rc.d status=0
    [[ ! -e $policy ]] || { "$@"; return; }
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
    "$@" || status=$?
    as_root rm -f "$policy"
    return "$status"
}

# Debian makes and starts a cluster of its own with the package. Nobody asked for that one.
forbid_main_cluster() {
    local file=/etc/postgresql-common/createcluster.conf
    install_packages postgresql-common
    grep -Eqs '^[[:space:]]*create_main_cluster' "$file" ||
        printf '%s\n' 'create_main_cluster = false' | as_root tee -a "$file" >/dev/null
}

# Makes the unprivileged account when it is missing. Only for root.
need_account() {
    getent passwd "$account" >/dev/null && return 0
    say "making the system account $account"
    # Two starts at once may both try.
    useradd --system --user-group --home-dir "$account_home" --no-create-home --shell /usr/sbin/nologin "$account" ||
        getent passwd "$account" >/dev/null
}

# The words that turn a command of root's into one of the account's, for good.
drop=(setpriv "--reuid=$account" "--regid=$account" --init-groups --inh-caps=-all --bounding-set=-all --no-new-privs --)
is_root || drop=()

as_account() { "${drop[@]}" "$@"; }

# Whether the account can use every one of these files and folders.
account_reads() {
    local path
    for path in "$@"; do
        as_account test -r "$path" || return 1
        [[ ! -d $path ]] || as_account test -x "$path" || return 1
    done
}

# Root runs and reads what stands here, so the account may write none of it, nor put anything else in its place.
refuse_checkout_of_account() {
    local path
    for path in "$root" "$root/.build" "$root/scripts" "$root/Sources" "$root/run" "$@"; do
        [[ -e $path ]] || continue
        as_account test ! -w "$path" || fail "$account may write to $path, which root would run: keep the checkout out of its reach"
    done
    path=$root
    while [[ $path != / ]]; do
        path=$(dirname "$path")
        as_account test ! -w "$path" || [[ -k $path && $(stat -c %U "$path") != "$account" ]] ||
            fail "$account may write to $path, above what root would run: keep the checkout out of its reach"
    done
}

# Copies files and folders below the checkout into a folder of the account. The account writes them itself, so that
# nothing it could put in the way leads root astray.
copy_for_account() {
    local target=$1
    shift
    tar -C "$root" -chf - "$@" | as_account tar -C "$target" -xf -
}

# The shared libraries that a program loads, one path a line. The loader may run what a program names, so this is asked
# about programs of our own alone, never about one that lies where the account can write.
libraries_of() { ldd "$1" 2>/dev/null | awk '$3 ~ /^\// { print $3 }'; }

# The shared libraries of Swift that a program of our own uses. They are looked for beside the program when the toolchain
# is out of reach.
copy_libraries_for_account() {
    local target=$1 program=$2 library
    libraries_of "$program" | grep swift | while read -r library; do
        tar -C "$(dirname "$library")" -chf - "$(basename "$library")" | as_account tar -C "$target" -xf -
    done
}

# Whether the account can load the libraries that a program of our own was linked with.
account_loads() {
    local library
    while read -r library; do
        as_account test -r "$library" || return 1
    done < <(libraries_of "$1")
}

# ---- The state folder

# Whether others than root and the account may put something in the place of what stands in a folder.
is_open_to_others() {
    local mode group
    mode=$(stat -L -c %a "$1")
    group=$(stat -L -c %G "$1")
    [[ ! -k $1 ]] || return 1
    if (((8#$mode & 8#002) != 0)); then return 0; fi
    (((8#$mode & 8#020) != 0)) && [[ $group != root && $group != "$(as_account id -gn)" ]]
}

# Makes the folder for the account alone. Root makes it only where nobody else can put a link in its place.
make_state_folder() {
    local state=$1 above
    above=$(dirname "$state")
    if ! is_root; then mkdir -p "$above" && mkdir -m 0700 "$state"; return; fi
    if [[ ! -d $above ]]; then
        as_account mkdir -p "$above" 2>/dev/null || install -d -m 0755 "$above" || fail "the folder $above cannot be made"
    fi
    as_account mkdir -m 0700 "$state" 2>/dev/null && return
    [[ $(stat -L -c %u "$above") -eq 0 ]] || fail "neither $account nor root makes $state safely: make it, owned by $account"
    mkdir -m 0700 "$state"
    chown --no-dereference "$account:$account" "$state"
}

# Nothing of it is believed before this: whose it is, who else may write there, and that no file in it is another's.
check_state_folder() {
    local state=$1 above owner mode stray name
    name=$(as_account id -un)
    above=$(dirname "$state")
    ! is_open_to_others "$above" ||
        fail "others may put another folder in the place of $state: chmod go-w '$above', or set MOTORPOOL_STATE"
    as_account test -x "$state" -a -w "$state" || [[ $(stat -L -c %U "$state") != "$name" ]] ||
        fail "$name cannot reach the state folder $state: set MOTORPOOL_STATE"
    owner=$(stat -L -c %U "$state")
    [[ $owner == "$name" ]] ||
        fail "the state folder $state belongs to $owner, and the farm runs as $name. If it is the farm's: $(cure "$state")"
    mode=$(stat -L -c %a "$state")
    (((8#$mode & 8#022) == 0)) ||
        fail "others may write to the state folder $state (mode $mode): look what they put there, then chmod 0700 '$state'"
    if (((8#$mode & 8#077) != 0)); then as_account chmod 0700 "$state"; fi
    # The account looks, and root reads nothing there.
    stray=$(cd / && as_account find "$state" -maxdepth 3 ! -user "$name" -print -quit 2>/dev/null || true)
    [[ -z $stray ]] ||
        fail "$stray belongs to another account, perhaps because a command was once started as root without ./run: $(cure "$state")"
}

cure() {
    local name
    name=$(as_account id -un)
    printf "chown -R --no-dereference %s '%s'" "$name:$(as_account id -gn)" "$1"
    is_root || printf ' (as root)'
}
