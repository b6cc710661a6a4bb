#!/usr/bin/env python3
"""How many encoded or disguised attacks the injection head finds, with and without reading what they decode to.

    python benchmarks/guards/encoded.py DATA

Short attacks of jailbreak_inthewild, which the head never saw, and benign_user_queries, both disguised in the same way.
"""

import argparse
import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
from generate import CODERS
from sources import INJECTION

from pilothouse.call import Call
from pilothouse.guards.heads.vectors import Read, vectors_of
from pilothouse.models import BatchingEncoder, Encoder, EncoderStore
from pilothouse.models.heads import Head
from pilothouse.protocols import Conversation, Models, Subject

__all__ = ["encoder", "read_all"]

COUNT = 40
LOOKALIKE = str.maketrans("aeopcx", "\u0430\u0435\u043e\u0440\u0441\u0445")
WAYS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    **{name: CODERS[name] for name in ("b64", "hex", "rot13", "url", "leet", "spaced", "backwards")},
    "zero width": "\u200b".join,
    "look-alikes": lambda text: text.translate(LOOKALIKE),
    "comment": lambda text: f"<p>Hello, what is the weather like?</p><!-- {text} -->",
}


def _no_call() -> Call:
    raise RuntimeError("heads ask no model")


@asynccontextmanager
async def encoder() -> AsyncIterator[Models]:
    """What guards may ask: the encoder alone."""
    folder = Path(os.environ.get("PILOTHOUSE_MODELS", ".pilothouse/models"))
    encode = BatchingEncoder(lambda: Encoder(EncoderStore(folder).ensure()))
    yield Models(make_call=_no_call, encode=encode)
    await encode.aclose()


async def read_all(texts: list[str]) -> list[Read]:
    """The vectors of each text."""
    async with encoder() as models:
        conversation = Conversation(models=models)
        return [await vectors_of(Subject(text, "input", conversation=conversation)) for text in texts]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    data = parser.parse_args().data
    head = Head.shipped("injection")
    attacks = [row[0] for row in INJECTION["jailbreak_inthewild"](data) if len(row[0]) <= 600][:COUNT]
    benign = [row[0] for row in INJECTION["benign_user_queries"](data)][:COUNT]
    print(f"{len(attacks)} attacks and {len(benign)} benign texts, each disguised\n")
    print(
        "| disguise | attacks found without | with what it decodes to | benign taken for attacks |\n|---|---|---|---|"
    )
    for name, disguise in WAYS.items():
        read = asyncio.run(read_all([disguise(text) for text in (*attacks, *benign)]))
        chances = [head.probabilities(one.rows.astype(np.float64)) for one in read]
        bare = np.array([c[: len(c) - one.forms].max() for c, one in zip(chances, read, strict=True)])
        whole = np.array([c.max() for c in chances])
        at = len(attacks)
        shares = [(bare[:at], head.threshold), (whole[:at], head.threshold), (whole[at:], head.threshold)]
        print(f"| {name} | {' | '.join(f'{(v >= t).mean():.0%}' for v, t in shares)} |", flush=True)


if __name__ == "__main__":
    main()
