#!/bin/sh
# Make the secrets of deploy/compose.yaml in a folder, each once: deploy/make_secrets.sh FOLDER
# Every service that mounts the folder may read them; on the machine itself only root reaches the volume.
set -eu
cd "$1"
random() { python3 -c 'import secrets; print(secrets.token_urlsafe(48))'; }
[ -s secret_key ] || { random >secret_key.part && mv secret_key.part secret_key; }
[ -s database_password ] || { random >database_password.part && mv database_password.part database_password; }
echo "postgres://tracker:$(cat database_password)@database:5432/tracker" >database_url
chmod 444 secret_key database_password database_url
