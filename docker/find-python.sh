#!/usr/bin/env bash
# Prints a Python of version 3.11 or later: the one named, else the newest on the PATH. Prints nothing without one.
for candidate in "${1:-python3}" python3.14 python3.13 python3.12 python3.11 python3; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        command -v "$candidate"
        exit 0
    fi
done
