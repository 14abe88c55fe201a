#!/usr/bin/env bash
# prepare-python.sh PYTHON VENV: makes the virtual environment VENV with PYTHON (3.11 or later) and installs the project with pinned dependencies.
# On Debian and Ubuntu the venv module is a package of its own: installed when root, named when not.
set -euo pipefail
python="$1" venv="$2"

say() { printf '%s\n' "$*" >&2; }

if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        say "Đang cài python$version-venv… / Installing python$version-venv…"
        apt-get update -qq >&2
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "python$version-venv" >&2
    else
        say "Thiếu mô-đun venv. / The venv module is missing: sudo apt-get install python$version-venv"
        exit 3
    fi
fi
if [ ! -x "$venv/bin/python" ]; then
    say "Đang tạo môi trường ảo $venv… / Creating the virtual environment $venv…"
    "$python" -m venv "$venv"
fi
say "Đang cài các thư viện đã ghim… / Installing pinned dependencies…"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock >&2
# The build backend warns of folders with the packages' names in the working directory; they are the packages.
PYTHONWARNINGS=ignore "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    --no-deps --no-build-isolation -e . >&2
