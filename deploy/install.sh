#!/bin/sh
# Install this release beside earlier ones, and print what comes next. Run it again at any time: it overwrites no
# settings, no secret and no data. From a bundle (deploy/bundle.sh) it needs no network, from a clone a package registry.
#
#   deploy/install.sh --host tracker.example.gov.cn   as root: into /opt/tracker, settings in /etc/tracker, data in
#                                                     /var/lib/tracker, a user and systemd units named tracker
#   deploy/install.sh --to FOLDER                     all below FOLDER, without root: nothing else is touched
#
#   --host NAME       host name of the site, written to the settings when they are made
#   --database URL    DATABASE_URL, likewise; without it SQLite. postgres:///tracker is the cluster of this machine
set -eu
umask 022
source=$(cd "$(dirname "$0")/.." && pwd)
target='' host='' database=''

fail() { echo "$*" >&2; exit 1; }

while [ $# -gt 0 ]; do
    [ $# -ge 2 ] || fail "$1 needs a value. See the head of $0."
    case $1 in
        --to) target=$2 ;;
        --host) host=$2 ;;
        --database) database=$2 ;;
        *) fail "$1 is no option. See the head of $0." ;;
    esac
    shift 2
done

if [ -z "$target" ]; then
    [ "$(id -u)" = 0 ] || fail "Run it as root, or name a folder of yours: $0 --to FOLDER"
    [ -n "$host" ] || [ -f /etc/tracker/tracker.env ] || fail "Name the site: $0 --host tracker.example.gov.cn"
    target=/opt/tracker settings=/etc/tracker data=/var/lib/tracker user=tracker
else
    mkdir -p "$target"
    target=$(cd "$target" && pwd)
    settings=$target/settings data=$target/data user=''
fi

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
    for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11 /usr/bin/python3}; do
        if new_enough "$candidate"; then echo "$candidate"; return; fi
    done
    fail "No Python 3.11 or newer found. Install one, or name it: PYTHON=/path/to/python3 $0 …"
}

# The libraries, exactly as requirements.txt lists them: from the wheels of the bundle, else from the registry.
install_libraries() {
    "$python" -m venv --without-pip "$1/.venv" || fail "$python has no venv module. On Debian: apt-get install python3-venv"
    if [ -d "$source/wheels" ]; then
        PYTHONPATH=$(echo "$source"/wheels/pip-*.whl) "$1/.venv/bin/python" -m pip install --quiet --no-index \
            --find-links "$source/wheels" --require-hashes -r "$source/requirements.txt" ||
            fail "The bundle has no libraries for $("$python" --version) on $(uname -m). Make one for it: deploy/bundle.sh, PYTHONS, MACHINES"
    else
        "$python" -m pip --version >/dev/null 2>&1 || fail "$python has no pip. On Debian: apt-get install python3-pip"
        "$python" -m pip --python "$1/.venv/bin/python" install --quiet --disable-pip-version-check --require-hashes \
            -r "$source/requirements.txt"
    fi
}

# What is served and read, not what tests and develops it; compiled messages and static files are made where missing.
copy_product() {
    while read -r name; do cp -R "$source/$name" "$1/"; done <"$source/deploy/product.txt"
    find "$1" -name __pycache__ -not -path "$1/.venv/*" -prune -exec rm -rf {} +
    (
        cd "$1"
        export DEBUG=0 STATIC_ROOT=staticfiles VAR_DIR="$data" DATABASE_URL=sqlite://:memory:
        SECRET_KEY=$("$python" -c 'import secrets; print(secrets.token_urlsafe(64))')
        export SECRET_KEY
        .venv/bin/python deploy/compile_messages.py locale
        if [ -d "$source/staticfiles" ]; then cp -R "$source/staticfiles" .
        else .venv/bin/python manage.py collectstatic --noinput --verbosity 0; fi
        .venv/bin/python -m compileall -q -x '[.]venv' .
    )
}

make_settings() {
    [ -f "$settings/tracker.env" ] && return
    install -d -m 750 "$settings"
    "$python" -c 'import secrets; print(secrets.token_urlsafe(64))' >"$settings/secret_key"
    {
        echo "# Settings of the tracker, read at each start; docs/operations.md of the release lists them all."
        echo "SECRET_KEY_FILE=$settings/secret_key"
        echo "VAR_DIR=$data"
        echo "STATIC_ROOT=staticfiles"
        [ -z "$host" ] || printf 'ALLOWED_HOSTS=%s\nBEHIND_PROXY=1\n' "$host"
        [ -z "$database" ] || echo "DATABASE_URL=$database"
    } >"$settings/tracker.env"
    chmod 640 "$settings/secret_key" "$settings/tracker.env"
    [ -z "$user" ] || chgrp -R "$user" "$settings"
}

# Files of the machine: the user, the folder of data, the units, and the proxy's file with the name of the site in it.
make_service() {
    systemd-sysusers "$target/current/deploy/systemd/sysusers.conf"
    make_settings
    install -d -o "$user" -g "$user" -m 700 "$data"
    cp "$target"/current/deploy/systemd/*.service "$target"/current/deploy/systemd/*.timer /etc/systemd/system/
    [ ! -d /run/systemd/system ] || systemctl daemon-reload
    name=$(sed -n "s/^[[:blank:]]*ALLOWED_HOSTS=[\"']\{0,1\}\([A-Za-z0-9.-]*\).*/\1/p" "$settings/tracker.env")
    buffers="request_buffers"
    case $(caddy version 2>/dev/null) in 2.[0-6].* | v2.[0-6].*) buffers="buffer_requests\n\t\tmax_buffer_size" ;; esac
    sed "s/tracker\.example\.gov\.cn/$name/g; s/^\t\trequest_buffers/\t\t$buffers/" \
        "$target/current/deploy/Caddyfile" >"$settings/Caddyfile"
    ln -sfn "$target/current/deploy/tracker" /usr/local/bin/tracker
}

[ ! -f "$source/SHA256SUMS" ] || (cd "$source" && sha256sum --check --quiet SHA256SUMS) ||
    fail "The bundle is damaged: fetch it again. Nothing was installed."
python=$(find_python)
# A bundle knows its commit; so does a clone, whose earlier commit stays installed beside it.
release=$(cat "$source/RELEASE" 2>/dev/null || "$python" -c "import sys; sys.path.insert(0, '$source'); import config
print(config.__version__)")
[ -f "$source/RELEASE" ] || ! commit=$(git -C "$source" rev-parse --short=12 HEAD 2>/dev/null) || release=$release-$commit
folder=$target/releases/$release
mkdir -p "$target/releases"
if [ -f "$source/RELEASE" ] && [ -d "$folder" ]; then
    echo "Release $release is installed already."
else
    echo "Installing release $release with $("$python" --version) into $folder ..."
    rm -rf "$folder.part"
    mkdir "$folder.part"
    install_libraries "$folder.part"
    copy_product "$folder.part"
    rm -rf "$folder.old"
    [ ! -d "$folder" ] || mv "$folder" "$folder.old"
    mv "$folder.part" "$folder"
    rm -rf "$folder.old"
fi
# Three releases stay: this one, the one that ran before it (the way back), and the newest of the others.
[ ! -d "$target/current" ] || touch "$target/current/"
touch "$folder"
ln -sfn "releases/$release" "$target/current"
# shellcheck disable=SC2012  # names without odd characters
ls -1td "$target"/releases/*/ | tail -n +4 | while read -r old; do
    echo "Removing $old"
    rm -rf "$old"
done
first=yes
[ ! -f "$settings/tracker.env" ] || first=''
if [ -n "$user" ]; then
    make_service
else
    make_settings
    install -d -m 700 "$data"
    ln -sfn current/deploy/tracker "$target/tracker"
fi

command=$target/tracker
[ -z "$user" ] || command=tracker
echo
echo "Installed. Settings: $settings/tracker.env"
echo "  $command migrate             create or update the tables"
echo "  $command load_records        load the shipped records"
[ -z "$first" ] || echo "  $command createsuperuser     create the first administrator"
if [ -z "$user" ]; then
    echo "  $command serve               serve it at http://127.0.0.1:8000/"
elif [ -n "$first" ]; then
    echo "  systemctl enable --now tracker-web tracker-worker@1 tracker-nightly.timer"
    echo "  cp $settings/Caddyfile /etc/caddy/Caddyfile && systemctl reload caddy"
else
    echo "  systemctl start tracker-web tracker-worker@1 tracker-nightly.timer"
fi
