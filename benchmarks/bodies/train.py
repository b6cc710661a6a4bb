#!/usr/bin/env python3
"""Makes the dictionary with which bodies are packed (pilothouse.storage.dictionaries), from generated bodies alone.

    python benchmarks/bodies/train.py [--write]

Its content is what zstd's trainer takes from one part of them. Its statistics, from which what no match covers is
coded, come from bodies in other words: those of the first part would promise that hardly anything is left to code,
which with real text took 8 % more bytes. The same version of zstd makes the same file. A dictionary that shipped is
never written over: give the next one a new number and a new file.
"""

import argparse
import hashlib
import sys
from pathlib import Path

import msgspec
from generate import bodies

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

OUT = Path(__file__).parents[2] / "src" / "pilothouse" / "storage" / "trained" / "bodies-1.zdict"
NUMBER, SIZE, LEVEL = 32769, 48 * 1024, 3
KNOWN, UNSEEN = 1200, 600
"""How many bodies content and statistics come from. Twice as many changed nothing that could be measured."""


def trained() -> bytes:
    """The dictionary's file."""
    known = [msgspec.json.encode(body) for body in bodies(KNOWN, 7)]
    unseen = [msgspec.json.encode(body) for body in bodies(UNSEEN, 8, unseen=True)]
    content = zstd.ZstdDict(zstd.train_dict(known, SIZE).dict_content, is_raw=True)
    made = zstd.finalize_dict(content, unseen, SIZE, LEVEL).dict_content
    return made[:4] + NUMBER.to_bytes(4, "little") + made[8:]  # magic, number, the rest (RFC 8878, 5)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--write", action="store_true", help=f"write {OUT.name}")
    made = trained()
    print(f"zstd {zstd.zstd_version}: {len(made)} bytes, sha256 {hashlib.sha256(made).hexdigest()}")
    if arguments.parse_args().write:
        OUT.write_bytes(made)
    elif made != OUT.read_bytes():
        sys.exit(f"{OUT.name} is another file: it was made by another version of zstd or from other bodies.")


if __name__ == "__main__":
    main()
