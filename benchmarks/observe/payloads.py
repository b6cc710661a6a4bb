"""What the dictionary that ships saves of bodies, and what it costs, on bodies it was not made from.

    python benchmarks/observe/payloads.py [--data FOLDER] [HOME ...]

FOLDER holds public data sets (HaluEval's questions, PandaLM's comparisons, SciFact's abstracts), put here into the
requests and answers of calls. HOME is a folder in which Pilothouse kept payloads, sealed ones left out: yours, or what
`pytest --basetemp` left. The limit beside it is a dictionary trained on half of the same bodies; all figures are of the
other half. CPU is that of packing and opening one body, a middle of rounds.
"""

import argparse
import json
import random
import sqlite3
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from pilothouse.storage.payloads import Packer

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

ANY = 1 << 62
CLASSES = ((0, 512), (512, 2048), (2048, 8192), (8192, 65536), (65536, ANY))
Way = tuple[Callable[[bytes], bytes], Callable[[bytes], object]]
MOST, ROUNDS, LEVEL, MAGIC = 4000, 5, 3, b"\x28\xb5\x2f\xfd"


def call(turns: Sequence[str], answer: str, **settings: Any) -> bytes:
    """A chat call as the gateway keeps it; `turns` are the user's and the assistant's, one after the other."""
    messages = [{"role": ("user", "assistant")[at % 2], "content": turn} for at, turn in enumerate(turns)]
    chosen = [{"index": 0, "message": {"role": "assistant", "content": answer}, "finish_reason": "stop"}]
    body = {"input": {"model": "assistant", "messages": messages, **settings}, "output": {"choices": chosen}}
    return msgspec.json.encode(body)


def real(data: Path) -> Iterator[bytes]:
    """Calls with real text: short questions, questions over a passage, instructions, conversations, documents."""
    asked = [json.loads(line) for line in (data / "halueval_qa/data.jsonl").read_text("utf-8").splitlines()]
    for row in asked[:500]:
        yield call([row["question"]], row["right_answer"])
        prompt = f"Answer from this text:\n{row['knowledge']}\n\n{row['question']}"
        yield call([prompt], row["hallucinated_answer"], temperature=0)
    pairs = json.loads((data / "pandalm_human_pairs/testset-v1.json").read_text("utf-8"))
    turns = [(f"{row['instruction']}\n\n{row['input']}".strip(), row["response1"]) for row in pairs]
    for at, (question, answer) in enumerate(turns):
        yield call([question], answer, max_tokens=512)
        if at % 3 == 2:  # the same words again, as a conversation sends them
            yield call([*turns[at - 2], *turns[at - 1], question], answer, stream=True)
    papers = [json.loads(line) for line in (data / "scifact/corpus.jsonl").read_text("utf-8").splitlines()][:900]
    for at in range(0, len(papers), 6):
        group = papers[at : at + 6]
        yield call([f"Summarise.\n\n{group[0]['title']}\n{group[0]['text']}"], group[0]["title"])
        yield call(["Compare these.\n\n" + "\n\n".join(paper["text"] for paper in group)], group[-1]["text"])


def kept(home: Path) -> Iterator[bytes]:
    """The bodies of every database of a day below a folder."""
    opener = Packer()
    for path in sorted(home.rglob("payloads/*.db")):
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
            there = database.execute("SELECT name FROM sqlite_master WHERE name = 'payloads'").fetchone()
            for (body,) in database.execute("SELECT body FROM payloads") if there else ():
                if body.startswith(MAGIC):
                    yield msgspec.json.encode(opener.unpack(body))


def micros(work: Callable[[bytes], object], bodies: Sequence[bytes]) -> float:
    """CPU per body."""
    rounds = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for body in bodies:
            work(body)
        rounds.append((time.process_time() - began) / len(bodies) * 1e6)
    return statistics.median(rounds)


def ways(train: Sequence[bytes]) -> dict[str, Way]:
    """How to pack and to open, by name. All of them take JSON, so that only zstd is compared."""
    shipped = Packer()
    own = zstd.train_dict(train, 64 * 1024)
    plain, trained = zstd.ZstdCompressor(level=LEVEL), zstd.ZstdCompressor(level=LEVEL, zstd_dict=own)
    end = zstd.ZstdCompressor.FLUSH_FRAME
    return {
        "none": (lambda body: plain.compress(body, end), zstd.decompress),
        "shipped": (shipped.compress, shipped.decompress),
        "limit": (lambda body: trained.compress(body, end), lambda packed: zstd.decompress(packed, zstd_dict=own)),
    }


def report(title: str, found: Iterator[bytes]) -> None:
    bodies = sorted(set(found))
    random.Random(5).shuffle(bodies)
    bodies = bodies[:MOST]
    half = len(bodies) // 2
    if half < 20:
        sys.exit(f"{title}: {len(bodies)} different bodies that can be read are too few.")
    compared = ways(bodies[:half])
    print(f"\n{title}: {len(bodies) - half} different bodies\n")
    print("| JSON | bodies | mean bytes | none | shipped | limit | pack none / shipped, us | open none / shipped, us |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for low, high in CLASSES:
        chosen = [body for body in bodies[half:] if low <= len(body) < high]
        if chosen:
            print(line(f"{low} up to {high}" if high < ANY else f"{low} and more", chosen, compared))
    print(line("all", bodies[half:], compared))


def line(title: str, bodies: Sequence[bytes], compared: dict[str, Way]) -> str:
    packed = {name: [pack(body) for body in bodies] for name, (pack, _) in compared.items()}
    for name, (_, unpack) in compared.items():
        assert [unpack(blob) for blob in packed[name]] == list(bodies), name
    sizes = [f"{statistics.fmean(map(len, blobs)):.0f}" for blobs in (bodies, *packed.values())]
    packing = " / ".join(f"{micros(compared[name][0], bodies):.1f}" for name in ("none", "shipped"))
    opening = " / ".join(f"{micros(compared[name][1], packed[name]):.1f}" for name in ("none", "shipped"))
    return f"| {title} | {len(bodies)} | {' | '.join(sizes)} | {packing} | {opening} |"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--data", type=Path)
    arguments.add_argument("homes", nargs="*", type=Path)
    chosen = arguments.parse_args()
    if chosen.data:
        report(f"Real text from {chosen.data}", real(chosen.data))
    if chosen.homes:
        report("Kept payloads", (body for home in chosen.homes for body in kept(home)))


if __name__ == "__main__":
    main()
