#!/usr/bin/env python3
"""What each of the seven cost levers saves, and what it loses, on one stated workload.

    python benchmarks/levers/run.py --shared path/to/shared/data

Prices are those of genai-prices on the day of the run. What is assumed is a constant below, what is measured is
measured here or by the benchmark that is named. `--shared` is for compression and short outputs, which need data.
"""

import argparse
import asyncio
import csv
import importlib.util
import json
import sys
from collections import Counter
from decimal import Decimal
from pathlib import Path
from types import ModuleType

import numpy as np

from pilothouse.config import Price
from pilothouse.gateway.routing.difficulty import row
from pilothouse.gateway.routing.training import Pair, report
from pilothouse.ids import now_us
from pilothouse.models import BatchingEncoder, Encoder, EncoderStore
from pilothouse.models.heads import Head
from pilothouse.observe.costs.prices import PriceOverride, Prices
from pilothouse.settings import Settings
from pilothouse.types import ChatRequest, Usage

# The workload: an assistant over documents.
REQUESTS = 100_000  # a month
PROMPT, CONTEXT, ANSWER = 400, 2600, 300  # tokens of a request: instructions and question, passages, answer
COMPLEX, SIMPLE = "gpt-4.1", "gpt-4.1-mini"
EASY = 0.7  # share of requests

# Assumptions, each named in docs/cost-levers.md
SIMPLE_SCORES = {"easy": 1.0, "hard": 0.5}  # the complex model scores 1 on both
ASKED_BEFORE = 0.3  # share of requests that are another's question in other words
WAITS = 0.4  # share of requests whose answer may take a day
GPU_HOUR, TOKENS_PER_SECOND = Decimal("2.50"), 2500  # of a rented card with an open model, read and written, when busy

# Measured by benchmarks/semantic_cache, held-out questions asked of one cache
CACHE_HITS, CACHE_FALSE = 0.309, 0.0037

BENCHMARKS = Path(__file__).parents[1]


def other(folder: str, name: str) -> ModuleType:
    """A module of another benchmark."""
    spec = importlib.util.spec_from_file_location(f"{folder}_{name}", BENCHMARKS / folder / f"{name}.py")
    if spec is None or spec.loader is None:
        raise FileNotFoundError(name)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


class Costs:
    """USD, of a call and of the month."""

    def __init__(self) -> None:
        self._prices = Prices()
        self.month = self.of(COMPLEX) * REQUESTS

    def of(self, model: str, read: float = PROMPT + CONTEXT, written: float = ANSWER, *, batch: bool = False) -> float:
        usage = Usage(input_tokens=round(read), output_tokens=round(written))
        cost = self._prices.cost("openai", model, usage, now_us(), batch=batch)
        if cost is None:
            raise SystemExit(f"no price is known for {model}")
        return cost / 1e9

    def saved(self, each: float) -> float:
        """The share of the month that is gone where a request costs that much on average."""
        return 1 - each / self.of(COMPLEX)


async def vectors(texts: list[str]) -> np.ndarray:
    encode = BatchingEncoder(lambda: Encoder(EncoderStore(Settings.from_env().models_dir).ensure()))
    found = np.vstack([await encode(texts[i : i + 256]) for i in range(0, len(texts), 256)])
    await encode.aclose()
    return found


def routing(costs: Costs) -> None:
    """By the head that ships, on requests of families that it never saw, easy and hard ones in the stated mixture."""
    generate = other("difficulty", "generate")
    examples = [e for e in generate.generate() if e.family in generate.HELD_OUT]
    easy, hard = ([e for e in examples if e.hard is hard] for hard in (False, True))
    source = np.random.default_rng(1)
    count = min(int(len(easy) / EASY), int(len(hard) / (1 - EASY)))
    drawn = [easy[i] for i in source.permutation(len(easy))[: round(count * EASY)]]
    drawn += [hard[i] for i in source.permutation(len(hard))[: round(count * (1 - EASY))]]
    requests = [ChatRequest({"model": "m", "messages": [{"role": "user", "content": e.text}]}) for e in drawn]
    found = asyncio.run(vectors([e.text for e in drawn]))
    head = Head.shipped("difficulty")
    chances = head.probabilities(np.vstack([row(r, v) for r, v in zip(requests, found, strict=True)]))
    pairs = [
        Pair(e.text, SIMPLE_SCORES["hard" if e.hard else "easy"], 1.0, costs.of(SIMPLE), costs.of(COMPLEX))
        for e in drawn
    ]
    told = report(pairs, chances, head.threshold)
    low, high = told["quality_kept_95"]
    print(
        f"routing: {told['to_simple']:.1%} of {told['requests']} held-out requests go to {SIMPLE}; "
        f"{told['cost_saved']:.1%} saved, {told['quality_kept']:.2%} of the quality kept ({low:.2%} to {high:.2%}); "
        f"at random {told['quality_kept_by_chance']:.2%}"
    )


def cache(costs: Costs) -> None:
    served = ASKED_BEFORE * CACHE_HITS
    print(
        f"semantic cache: {served:.1%} of the requests are served, and that share of the month saved "
        f"({served * costs.month:.0f} USD); false answers {CACHE_FALSE:.2%} of those served, "
        f"{served * CACHE_FALSE:.3%} of all"
    )


def compression(costs: Costs, shared: Path | None) -> None:
    if shared is None:
        return
    compress = other("compression", "run")
    folder = shared / "chunking_eval"
    with (folder / "questions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    texts = {name: (folder / f"{name}.md").read_text() for name in {r["corpus_id"] for r in rows}}
    for share in (0.7, 0.5, 0.3):
        values, gone = compress.kept(rows, texts, compress.extract, share)
        left = 1 - sum(gone) / len(gone)
        low, high = compress.interval(values)
        saved = costs.saved(costs.of(COMPLEX, PROMPT + CONTEXT * left))
        print(
            f"compression to {share}: {saved:.1%} saved; {1 - sum(values) / len(values):.1%} of the evidence lost "
            f"({1 - high:.1%} to {1 - low:.1%})"
        )


def short_outputs(costs: Costs, shared: Path | None) -> None:
    """By the lengths of 1,998 answers, and by what people preferred of two to one instruction."""
    if shared is None:
        return
    encoder = Encoder(EncoderStore(Settings.from_env().models_dir).ensure())
    pairs = json.loads((shared / "pandalm_human_pairs" / "testset-v1.json").read_text())
    rows = [(str(p["response1"]), str(p["response2"]), [p[f"annotator{i}"] for i in (1, 2, 3)]) for p in pairs]
    lengths = np.array([[encoder.count_tokens(one), encoder.count_tokens(two)] for one, two, _ in rows])
    print(f"short outputs: {lengths.size} answers of {lengths.mean():.0f} tokens, median {np.median(lengths):.0f}")
    for cap in (64, 128, 256):
        left = np.minimum(lengths, cap).sum() / lengths.sum()
        saved = costs.saved(costs.of(COMPLEX, written=ANSWER * left))
        print(
            f"  cap {cap}: {1 - left:.1%} of the output, {saved:.1%} of the cost; {(lengths > cap).mean():.1%} cut off"
        )
    verdicts: Counter[str] = Counter()
    for (_, _, labels), (one, two) in zip(rows, lengths, strict=True):
        label, votes = Counter(labels).most_common(1)[0]
        if one == two or votes < 2:
            continue
        shorter = 1 if one < two else 2
        verdicts["even" if label == 0 else "better" if label == shorter else "worse"] += 1
    shorter = lengths.min(axis=1).sum() / lengths.sum(axis=1).sum() * 2
    saved = costs.saved(costs.of(COMPLEX, written=ANSWER * shorter))
    total = verdicts.total()
    print(
        f"  the shorter of two answers: {1 - shorter:.1%} fewer tokens than the mean, {saved:.1%} of the cost; of "
        f"{total} pairs people find it better in {verdicts['better'] / total:.1%}, worse in "
        f"{verdicts['worse'] / total:.1%}"
    )


def batch(costs: Costs) -> None:
    each = WAITS * costs.of(COMPLEX, batch=True) + (1 - WAITS) * costs.of(COMPLEX)
    print(
        f"batch: {costs.saved(each):.1%} saved; the same model, so no loss; {WAITS:.0%} of the answers take up to a day"
    )


def self_hosted(costs: Costs) -> None:
    """One model for all requests, on a card that is paid by the hour whether it works or not."""
    per_hour = TOKENS_PER_SECOND * 3600
    price = Price(provider="own", model="open", gpu_hour=GPU_HOUR, tokens_per_hour=per_hour)
    prices = Prices([PriceOverride.of(price)])
    usage = Usage(input_tokens=PROMPT + CONTEXT, output_tokens=ANSWER)
    each = (prices.cost("self-hosted", "open", usage, now_us(), provider="own") or 0) / 1e9
    tokens = PROMPT + CONTEXT + ANSWER
    rented = float(GPU_HOUR) * 730
    for model in (COMPLEX, SIMPLE):
        even = rented / costs.of(model)
        print(
            f"self-hosted against {model}: a busy card costs {1 - each / costs.of(model):.1%} less a request; rented "
            f"all month ({rented:.0f} USD) it pays from {even:,.0f} requests on, "
            f"{even * tokens / (per_hour * 730):.1%} of what it can do; at {REQUESTS:,} requests "
            f"{1 - rented / (costs.of(model) * REQUESTS):.1%} saved"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, help="folder with chunking_eval and pandalm_human_pairs")
    shared = parser.parse_args().shared
    costs = Costs()
    print(f"{REQUESTS:,} requests of {PROMPT + CONTEXT} tokens in and {ANSWER} out by {COMPLEX}: {costs.month:.0f} USD")
    print(f"by {SIMPLE}: {costs.of(SIMPLE) * REQUESTS:.0f} USD\n")
    routing(costs)
    cache(costs)
    compression(costs, shared)
    short_outputs(costs, shared)
    batch(costs)
    self_hosted(costs)


if __name__ == "__main__":
    main()
