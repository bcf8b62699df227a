#!/bin/sh
# Make the secrets of deploy/compose.yaml in a folder, each once: deploy/make_secrets.sh FOLDER
# Every service that mounts the folder may read them; on the machine itself only root reaches the volume.
set -eu
cd "$1"
umask 022
keep() { [ -s "$1" ] || { "$2" >"$1.part" && mv "$1.part" "$1"; }; }
random() { python3 -c 'import secrets; print(secrets.token_urlsafe(48))'; }
address() { echo "postgres://tracker:$(cat database_password)@database:5432/tracker"; }
keep secret_key random
keep database_password random
keep database_url address
