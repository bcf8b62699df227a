#!/bin/sh
# Make one file to install from where no package registry is reached: deploy/bundle.sh [FILE]
#   the committed source, compiled messages, static files, the wheels of every library and of pip, SBOM, checksums
# The same commit and the same wheels give the same bytes.
#   FILE      var/tracker-VERSION.tar.gz by itself
#   PYTHONS='3.11 3.13'  MACHINES='x86_64 aarch64'    what the wheels are for
set -eu
cd "$(dirname "$0")/.."
python=$PWD/.venv/bin/python
pythons=${PYTHONS:-3.11 3.12 3.13} machines=${MACHINES:-x86_64 aarch64}
[ -x .venv/bin/cyclonedx-py ] || .ci/install requirements.txt requirements-dev.txt
commit=$(git rev-parse --short=12 HEAD) || { echo "A bundle is made of a commit: run it in a clone." >&2; exit 1; }
version=$("$python" -c 'import config; print(config.__version__)')
time=$(git show -s --format=%ct HEAD)
file=${1:-var/tracker-$version.tar.gz}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
name=tracker-$version-$commit
folder=$work/$name
mkdir "$folder"
# shellcheck disable=SC2046  # names without spaces
git archive HEAD $(cat deploy/product.txt) | tar -x -C "$folder"
echo "$version-$commit" >"$folder/RELEASE"

# Markers are taken off: pip would judge them by the machine that downloads, not by the one that installs.
sed 's/ ; .* \\$/ \\/' requirements.txt >"$work/all.txt"
for machine in $machines; do
    for minor in $pythons; do
        echo "Wheels for Python $minor on $machine ..."
        "$python" -m pip download --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary :all: \
            --implementation cp --python-version "$minor" --platform "manylinux2014_$machine" \
            --platform "manylinux_2_17_$machine" --platform "manylinux_2_28_$machine" \
            --dest "$folder/wheels" -r "$work/all.txt"
    done
done
"$python" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --dest "$folder/wheels" pip

"$python" deploy/compile_messages.py "$folder/locale"
(
    cd "$folder"
    export DEBUG=0 STATIC_ROOT=staticfiles VAR_DIR="$work/var" DATABASE_URL=sqlite://:memory:
    SECRET_KEY=$("$python" -c 'import secrets; print(secrets.token_urlsafe(64))') PYTHONDONTWRITEBYTECODE=1 \
        "$python" manage.py collectstatic --noinput --verbosity 0
)
.venv/bin/cyclonedx-py requirements --output-reproducible --of JSON -o "$folder/sbom.cdx.json" requirements.txt

(cd "$folder" && find . -type f ! -name SHA256SUMS | LC_ALL=C sort | xargs -d '\n' sha256sum >SHA256SUMS)
mkdir -p "$(dirname "$file")"
tar -C "$work" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$time" --mode=go=rX,u+w -cf - "$name" |
    gzip -n -6 >"$file.part"
mv "$file.part" "$file"
echo "$file: $(du -m "$file" | cut -f1) MB, release $version-$commit"
echo "Install it: tar xf $(basename "$file") && $name/deploy/install.sh --host tracker.example.gov.cn"
