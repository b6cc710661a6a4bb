#!/usr/bin/env bash
# Measures a base install in a fresh virtual environment, outside the checkout: see README.md. Takes about a minute.
set -euo pipefail
unset PYTHONDONTWRITEBYTECODE # a user's Python keeps its bytecode
project=$(cd "$(dirname "$0")/../.." && pwd)
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
TIMEFORMAT='%R s wall, %U s user, %S s system'

cpu() { # user + system seconds of a command: the best of seven runs
    for _ in 1 2 3 4 5 6 7; do
        "$room/venv/bin/python" -c '
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
spent = resource.getrusage(resource.RUSAGE_CHILDREN)
print(f"{spent.ru_utime + spent.ru_stime:.3f}")' "$@"
    done | sort -n | head -1
}

"${PYTHON:-python3}" -m venv "$room/venv"
printf 'pip install pilothouse   '
{ time "$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check "$project"; } 2>&1
cd "$room"
printf 'virtual environment      %s MB\n' "$(du -sm venv | cut -f1)"
printf 'python -c pass           %s s CPU\n' "$(cpu venv/bin/python -c pass)"
printf 'import pilothouse        %s s CPU\n' "$(cpu venv/bin/python -c 'import pilothouse')"
printf 'pilothouse --help        %s s CPU\n' "$(cpu venv/bin/pilothouse --help)"
du -sm venv/lib/python*/site-packages/* | sort -rn | head -12 | sed 's|venv/.*/||'
