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
from numpy.typing import NDArray
from sources import INJECTION

from pilothouse.call import Call
from pilothouse.guards.heads.vectors import pieces, vectors_of
from pilothouse.models import BatchingEncoder, Encoder, EncoderStore
from pilothouse.models.heads import Head
from pilothouse.protocols import Conversation, Models, Subject

__all__ = ["encoder", "scores"]

Scores = NDArray[np.float64]
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


async def scores(head: Head, texts: list[str]) -> tuple[Scores, Scores]:
    """Of each text as it stands, and as guards read it."""
    async with encoder() as models:
        assert models.encode is not None
        bare, whole = [], []
        for text in texts:
            rows = await models.encode([text[start:end] for start, end in pieces(text)])
            read = await vectors_of(Subject(text, "input", conversation=Conversation(models=models)))
            bare.append(head.probabilities(rows.astype(np.float64)).max())
            whole.append(head.probabilities(read.rows.astype(np.float64)).max())
        return np.array(bare), np.array(whole)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    data = parser.parse_args().data
    head = Head.shipped("injection")
    attacks = [row[0] for row in INJECTION["jailbreak_inthewild"](data) if len(row[0]) <= 600][:COUNT]
    benign = [row[0] for row in INJECTION["benign_user_queries"](data)][:COUNT]
    print(f"{len(attacks)} attacks and {len(benign)} benign texts, each disguised\n")
    print("| disguise | attacks found as it stands | as read | benign taken as it stands | as read |")
    print("|---|---|---|---|---|")
    for name, disguise in WAYS.items():
        bare, whole = asyncio.run(scores(head, [disguise(text) for text in (*attacks, *benign)]))
        at = len(attacks)
        shares = [(side >= head.threshold).mean() for side in (bare[:at], whole[:at], bare[at:], whole[at:])]
        print(f"| {name} | {' | '.join(f'{share:.0%}' for share in shares)} |", flush=True)


if __name__ == "__main__":
    main()
