"""What `get_prompt` costs from memory: PromptRegistry's beside that of Langfuse's SDK, over one server.

    python benchmarks/prompts/cached.py --langfuse .venv-interop/langfuse-5.0.4/bin/python

The other interpreter has the SDK and needs nothing of ours. Each calls in rounds of a fifth of a second of CPU time,
of which the best counts. Both are told to keep prompts for an hour, so that nothing is fetched meanwhile.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROUNDS, SECONDS, NAME = 15, 0.2, "support/answer"


def nanoseconds(call: Callable[[], object]) -> float:
    """Of CPU time of one call: the best of the rounds."""
    call()
    many, taken = 1, 0.0
    while taken < SECONDS:
        many *= 2
        taken = _timed(call, many)
    return min(_timed(call, many) / many for _ in range(ROUNDS)) * 1e9


def _timed(call: Callable[[], object], many: int) -> float:
    begun = time.process_time()
    for _ in range(many):
        call()
    return time.process_time() - begun


def langfuse(url: str, key: str) -> dict[str, float]:
    """In the interpreter that has Langfuse's SDK."""
    import langfuse as sdk

    client = sdk.Langfuse(public_key="pk", secret_key=key, host=url, tracing_enabled=False)
    found = client.get_prompt(NAME, cache_ttl_seconds=3600)
    return {
        "get": nanoseconds(lambda: client.get_prompt(NAME, cache_ttl_seconds=3600)),
        "fill": nanoseconds(lambda: found.compile(question="How do I rotate a key?")),
    }


def pilothouse(url: str, key: str) -> dict[str, float]:
    from pilothouse import Client, PromptRegistry

    with Client(url, key) as client, tempfile.TemporaryDirectory() as folder:
        prompts = PromptRegistry(client, copies=Path(folder))
        found = prompts.get_prompt(NAME, ttl=3600)
        return {
            "get": nanoseconds(lambda: prompts.get_prompt(NAME, ttl=3600)),
            "fill": nanoseconds(lambda: found.format(question="How do I rotate a key?")),
        }


def main() -> None:
    """Start a server, measure both, print the ratio."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--langfuse", help="the Python that has Langfuse's SDK")
    parser.add_argument("--there", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.there:
        print(json.dumps(langfuse(*given.there)))
        return
    from pilothouse import PromptRegistry
    from pilothouse.sdk import Embedded
    from pilothouse.settings import Settings

    with tempfile.TemporaryDirectory() as home:
        server = Embedded(Settings(home=Path(home)))
        try:
            text = "Answer in one sentence.\n\n" + "Be exact. " * 100 + "\n\n{{question}}"
            PromptRegistry(server, copies=False).create(NAME, text, syntax="mustache", labels=["production"])
            rows = {"pilothouse": pilothouse(server.address, server.key)}
            if given.langfuse:
                command = [given.langfuse, __file__, "--there", server.address, server.key]
                rows["langfuse"] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        finally:
            server.close()
    for name, row in rows.items():
        print(f"{name:12} get {row['get'] / 1000:8.2f} us   fill {row['fill'] / 1000:8.2f} us")
    if "langfuse" in rows:
        ours, theirs = rows["pilothouse"], rows["langfuse"]
        print("ratio        " + "   ".join(f"{what} {theirs[what] / ours[what]:.1f}x" for what in ("get", "fill")))


if __name__ == "__main__":
    sys.exit(main())
