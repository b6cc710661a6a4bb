"""Trains the model of three letters in a row that the guard `perplexity` asks: models/trained/letters.json.

    python benchmarks/guards/train_letters.py DJANGO.whl

From texts whose licences allow it: this project's documents; the reference and the source of Python's standard library
(PSF licence), every module whose name has an even checksum; Django's translations into 14 languages that are written in
Latin letters (BSD licence), of a wheel from the index. The rest of both is for measuring: see perplexity.py.
"""

import io
import json
import re
import sys
import sysconfig
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from pilothouse.guards.text.letters import Letters, codes_of

ROOT = Path(__file__).parents[2]
LANGUAGES = ("de", "fr", "es", "it", "pt", "nl", "sv", "da", "pl", "cs", "fi", "tr", "ro", "hu")
_SHARE = {"documents": 1_500_000, "reference": 1_500_000, "code": 1_200_000, "languages": 300_000}
_MESSAGE = re.compile(r'^msgstr(?:\[\d\])? "(.+)"$', re.MULTILINE)


def documents() -> Iterator[str]:
    """This project's own."""
    yield from (path.read_text("utf-8") for path in sorted((ROOT / "docs").rglob("*.md")))


def library(*, even: bool) -> Iterator[str]:
    """Modules of the standard library whose names have an even checksum, or the others."""
    for path in sorted(Path(sysconfig.get_path("stdlib")).glob("**/*.py")):
        here = path.relative_to(sysconfig.get_path("stdlib")).parts
        if here[0] in ("site-packages", "test", "idlelib", "lib2to3", "pydoc_data") or "tests" in here:
            continue
        if (zlib.crc32(path.name.encode()) % 2 == 0) == even:
            yield path.read_text("utf-8", "replace")


def reference() -> str:
    """Python's language reference, as `help` shows it."""
    return "\n".join(__import__("pydoc_data.topics", fromlist=["topics"]).topics.values())


def translations(wheel: Path, language: str, *, even: bool) -> str:
    """Django's messages in a language: three of four with `even`, else the fourth."""
    found = list[str]()
    with zipfile.ZipFile(wheel) as files:
        for name in sorted(files.namelist()):
            if f"/locale/{language}/LC_MESSAGES/" in name and name.endswith(".po"):
                found += _MESSAGE.findall(io.TextIOWrapper(files.open(name), "utf-8").read())
    return "\n".join(text for text in found if " " in text and (zlib.crc32(text.encode()) % 4 != 0) == even)


def main() -> None:
    wheel = Path(sys.argv[1])
    parts = {
        "documents": "\n".join(documents()), "reference": reference(), "code": "\n".join(library(even=True)),
        **{language: translations(wheel, language, even=True) for language in LANGUAGES},
    }  # fmt: skip
    codes = []
    for name, text in parts.items():
        wanted = _SHARE.get(name, _SHARE["languages"])
        # a text that is shorter than its share counts several times, up to eight
        codes += [codes_of(text[:wanted])] * max(1, min(8, wanted // max(1, len(text))))
    card = {
        "model": "characters after two others, Witten-Bell, in sixteenths of a bit",
        "data": {name: min(len(text), _SHARE.get(name, _SHARE["languages"])) for name, text in parts.items()},
        "licences": "own documents; Python standard library (PSF-2.0); Django translations (BSD-3-Clause)",
        "wheel": wheel.name,
    }
    model = Letters.trained(np.concatenate(codes), card)
    path = ROOT / "src/pilothouse/models/trained/letters.json"
    path.write_text(json.dumps(model.to_json()) + "\n", encoding="utf-8")
    print(f"{path.name}: {path.stat().st_size:,} bytes of {sum(map(len, codes)):,} characters")


if __name__ == "__main__":
    main()
