#!/usr/bin/env bash
# Runs `make TARGET ARGS=…` in a container, for machines that have Docker and no Python 3.11 or later.
set -euo pipefail
target="$1" arguments="${2:-}"
if ! command -v docker >/dev/null || ! docker info >/dev/null 2>&1; then
    echo "Cần Python 3.11 trở lên, hoặc Docker. / Python 3.11 or later is needed, or Docker." >&2
    exit 3
fi
docker build --quiet --tag truc-lien-thong-desk --file docker/desk.Dockerfile . >/dev/null
exec docker run --rm --init --env "CI=${CI:-}" truc-lien-thong-desk make "$target" ARGS="$arguments"
