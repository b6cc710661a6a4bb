"""What guards cost the path of a call, and how long they hold the characters of a stream.

    python benchmarks/guards/streaming.py [--tokens-a-second 50] [--text FILE ...]

Three tables: CPU time of a call with and without policies, in one process over a model that echoes; how long characters
of a streamed answer wait, on a clock that ticks with the tokens (nothing is slept); and CPU time of long answers, which
must grow with their length alone. The texts are the documentation of this repository, or those that are given.
"""

import argparse
import asyncio
import gc
import json
import platform
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

from pilothouse.app import Platform, build
from pilothouse.call import Call
from pilothouse.gateway.guarding.watch import policy_of
from pilothouse.guarding import GuardsConfig
from pilothouse.guards.policy import Placed, Policies
from pilothouse.guards.registry import Guards
from pilothouse.guards.streaming import Outlet, hold_back
from pilothouse.protocols import Conversation
from pilothouse.settings import Settings
from pilothouse.types import ChatRequest

WORDS = {"use": "words", "words": ["acme corporation", "umbrella", "initech"], "action": "redact"}
CHEAP: dict[str, list[dict[str, Any]]] = {
    "words": [WORDS],
    "pii": [{"use": "pii", "action": "redact"}],
    "secrets": [{"use": "secrets", "action": "redact"}],
    "words, pii, secrets": [
        WORDS, {"use": "pii", "action": "redact"}, {"use": "secrets", "action": "redact"},
    ],
    "exfiltration": [{"use": "exfiltration", "action": "redact"}],
    "prompt_leak (windows)": [{"use": "prompt_leak", "action": "block"}],
    "length (must see all)": [{"use": "length", "at_most": 100_000}],
    "words, flagged": [{**WORDS, "action": "flag"}],
}  # fmt: skip
ROUNDS, CALLS = 7, 300


def there(uses: Sequence[dict[str, Any]]) -> bool:
    """Whether this installation has these guards."""
    names = Guards().names()
    return all(use["use"] in names for use in uses)


def placed_of(uses: Sequence[dict[str, Any]]) -> Sequence[Placed]:
    config = GuardsConfig.model_validate({"policies": {"p": {"output": uses}}})
    return Policies(config).alone("p").at("output")


# ---- the path of a call


def configuration() -> dict[str, Any]:
    """Aliases over a model that echoes: `none` without guards, each other one with the policy of its name."""
    echo = [{"provider": "builtin", "model": "echo"}]
    cheap = [WORDS, {"use": "length", "at_most": 100_000}]
    noted = [{**use, "action": "shadow"} for use in cheap]
    policies = {
        "in": {"input": cheap}, "words out": {"output": [WORDS]}, "both": {"input": cheap, "output": cheap},
        "noted": {"input": noted, "output": noted},
    }  # fmt: skip
    models = {"none": {"deployments": echo}, **{name: {"deployments": echo, "guards": [name]} for name in policies}}
    return {"models": models, "guards": {"policies": policies}}


async def asked(platform: Platform, model: str, text: str, *, stream: bool) -> None:
    body = {"model": model, "stream": stream, "messages": [{"role": "user", "content": text}]}
    async with aclosing(platform.gateway.chat(ChatRequest.check(body), Call(platform.recorder))) as chunks:
        async for _ in chunks:
            pass


async def cpu_us(work: Callable[[], Awaitable[None]], times: int) -> float:
    start = time.process_time()
    for _ in range(times):
        await work()
    return (time.process_time() - start) / times * 1e6


async def path(platform: Platform, text: str) -> None:
    names = ["none", *platform.gateway.runtime.guards.names()]
    print(f"\nCPU of a call, µs, and beyond that of 'none': {len(text):,} characters in, as many out")
    print(f"best of {ROUNDS} rounds of {CALLS} calls, by turns; a stream comes in pieces as the echo cuts it")
    for stream in (False, True):
        best = dict.fromkeys(names, float("inf"))
        for _ in range(ROUNDS):
            for name in names:
                gc.collect()
                took = await cpu_us(lambda n=name, s=stream: asked(platform, n, text, stream=s), CALLS)
                best[name] = min(best[name], took)
        told = ", ".join(f"{name} {best[name]:,.0f} ({best[name] - best['none']:+,.0f})" for name in names)
        print(f"  {'stream' if stream else 'JSON':7} {told}")
    call, runtime = Call(platform.recorder), platform.gateway.runtime
    start = time.process_time()
    for _ in range(100_000):
        policy_of(runtime, call, "none")
    print(f"  of 'none', to find that no policy holds: {(time.process_time() - start) * 10:.2f} µs")


# ---- how long a character waits


async def waits(placed: Sequence[Placed], text: str, rate: float) -> tuple[list[float], int, float]:
    """(milliseconds that each character waited, the most that waited at once, CPU µs for 1,000 characters)."""
    outlet, out, waited, most, cpu = Outlet(placed, Conversation()), 0, list[float](), 0, time.process_time()
    came: list[float] = []
    for number, at in enumerate(range(0, len(text), 4)):
        now, piece = number / rate * 1e3, text[at : at + 4]
        came += [now] * len(piece)
        left = len(await outlet.feed(piece))
        waited += [now - when for when in came[out : out + left]]
        out += left
        most = max(most, len(came) - out)
    now = len(text) / 4 / rate * 1e3
    await outlet.end()
    waited += [now - when for when in came[out:]]
    return waited, most, (time.process_time() - cpu) / len(text) * 1e9


async def holds(text: str, rate: float) -> None:
    print(f"\nHow long characters wait, at {rate:g} tokens of four characters a second, over {len(text):,} characters")
    heads = ("guards", "stated", "most seen", "p50 ms", "p99 ms", "max ms", "CPU µs/1,000")
    print("  {:24} {:>7} {:>10} {:>8} {:>8} {:>10} {:>13}".format(*heads))
    for name, uses in CHEAP.items():
        if not there(uses):
            print(f"  {name:24} not there")
            continue
        placed = placed_of(uses)
        waited, most, cpu = await waits(placed, text, rate)
        cuts = statistics.quantiles(waited, n=100)
        stated = hold_back(placed)
        print(f"  {name:24} {'all' if stated is None else stated:>7} {most:>10,} {cuts[49]:>8.0f} {cuts[98]:>8.0f} "
              f"{max(waited):>10,.0f} {cpu:>13.0f}")  # fmt: skip


async def lengths(text: str) -> None:
    print("\nCPU ms of an answer by its length, in pieces of four characters; and for 1,000 characters of it")
    uses = [WORDS, *([{"use": "pii", "action": "redact"}] if there([{"use": "pii"}]) else [])]
    for name, given in {"streams": uses, "held to the end": [*uses, {"use": "length", "at_most": 10**9}]}.items():
        told = []
        for size in (50_000, 100_000, 200_000, 400_000):
            long = (text * (size // len(text) + 1))[:size]
            best = min([await fed(placed_of(given), long) for _ in range(3)])
            told.append(f"{size // 1000} KB {best * 1e3:,.0f} ({best * 1e6 / (size / 1000):.0f} µs)")
        print(f"  {name:16} {', '.join(told)}")


async def fed(placed: Sequence[Placed], text: str) -> float:
    outlet, start = Outlet(placed, Conversation()), time.process_time()
    for at in range(0, len(text), 4):
        await outlet.feed(text[at : at + 4])
    await outlet.end()
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens-a-second", type=float, default=50.0)
    parser.add_argument("--text", type=Path, nargs="*")
    given = parser.parse_args()
    files = given.text or sorted((Path(__file__).parents[2] / "docs").glob("*.md"))
    text = "\n".join(path.read_text() for path in files)
    print(f"Python {platform.python_version()}, {platform.machine()}")
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "pilothouse.yaml")
        config.write_text(json.dumps(configuration()))
        with build(Settings(home=Path(folder, "home"), config=config)) as served:
            asyncio.run(path(served, text[:1000]))
    asyncio.run(holds(text[:200_000], given.tokens_a_second))
    asyncio.run(lengths(text[:200_000]))


if __name__ == "__main__":
    main()
