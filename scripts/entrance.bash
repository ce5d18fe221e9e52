# What ./run and ./test share: they are the only places where anything happens as root.
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

# Copies files and folders below the checkout into a folder of the account. The account writes them itself, so that
# nothing it could put in the way leads root astray.
copy_for_account() {
    local target=$1
    shift
    tar -C "$root" -chf - "$@" | as_account tar -C "$target" -xf -
}

# The shared libraries of Swift that a program uses. They are looked for beside the program when the toolchain is out
# of reach.
copy_libraries_for_account() {
    local target=$1 program=$2 library
    ldd "$program" | awk '$3 ~ /swift/ { print $3 }' | while read -r library; do
        tar -C "$(dirname "$library")" -chf - "$(basename "$library")" | as_account tar -C "$target" -xf -
    done
}

# Whether the account can load the libraries that a program was linked with.
account_loads() {
    local library
    while read -r library; do
        as_account test -r "$library" || return 1
    done < <(ldd "$1" | awk '$3 ~ /^\// { print $3 }')
}
