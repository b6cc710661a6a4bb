"""What it costs to keep a span: recording it on the request's path, and moving it to the database afterwards.

    python benchmarks/observe/spool.py [--spans 50000] [--rounds 3] [--postgres URL]

Prints, from one run, CPU per span and spans per second of both steps, beside a bare `executemany` of the same rows into
the same tables with nothing around it: what any design would pay. `rounds` repeats all of it and the best is shown.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from pilothouse.call import Span
from pilothouse.ids import content_hash, new_id, now_us
from pilothouse.observe import Drainer, Metrics, Prices, SpoolRecorder
from pilothouse.observe.arrival.batch import Batch, Rejects
from pilothouse.observe.rows import COLUMNS
from pilothouse.settings import Settings
from pilothouse.storage import Spool, Store, open_store, writing
from pilothouse.types import Usage

BATCH = 1000
VERSIONS = {"deployment": "openai/gpt-4o", "snapshot": "3-8b3baf46b8874f60", "prompt": "0aba0dda2495e6ec"}
ASKED = {
    "model": "fast",
    "messages": [
        {"role": "system", "content": "You answer from the passages alone and cite them. " * 4},
        {"role": "user", "content": "What was the net revenue in the third quarter, and how did it change? " * 3},
    ],
    "temperature": 0.2,
}
SAID = {"choices": [{"message": {"role": "assistant", "content": "It was 5.2 billion, up 4 percent [1]. " * 8}}]}


@dataclass(frozen=True)
class Figure:
    """CPU and wall time of some work on `spans` spans."""

    name: str
    spans: int
    cpu: float
    wall: float

    @property
    def cpu_us(self) -> float:
        return self.cpu / self.spans * 1e6


def measured(name: str, spans: int, work: Callable[[], None]) -> Figure:
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return Figure(name, spans, time.process_time() - cpu, time.perf_counter() - wall)


def made(payload: bool) -> Span:
    """A chat call as the gateway records it: 27 fields, and 0.9 kB of input and output if wanted."""
    now = now_us()
    return Span(
        id=new_id()[16:], trace_id=new_id(), project_id="default", name="chat fast", kind="llm", start_us=now,
        end_us=now + 1_200_000, request_id=f"req_{new_id()}", key_id="key-1", endpoint="/v1/chat/completions",
        operation="chat", provider="openai", request_model="fast", response_model="gpt-4o",
        deployment="openai/gpt-4o", usage=Usage(1000, 200, 400), ttft_us=300_000, cost_nano=4_000_000,
        manifest_id=content_hash(VERSIONS), versions=VERSIONS,
        attributes={"gen_ai.request.stream": True, "gen_ai.response.finish_reasons": ["stop"]},
        input=ASKED if payload else None, output=SAID if payload else None,
    )  # fmt: skip


def run(home: Path, database_url: str | None, count: int, payload: bool) -> list[Figure]:
    """Every step over `count` spans in a home of its own."""
    settings = Settings(home=home, database_url=database_url)
    store = open_store(settings)
    spool = Spool.open(home, 1 << 40)
    recorder, drainer = SpoolRecorder(spool), Drainer(spool, store, home)
    spans = [made(payload) for _ in range(count)]

    def record() -> None:
        for span in spans:
            recorder.record(span)

    figures = [measured("record: encode, append to the spool", count, record)]
    figures.append(measured("drain: read, decode, compress, insert, commit", count, drainer.flush))
    again = [msgspec.msgpack.encode(made(payload)) for _ in range(count)]
    rows = Batch.decode(again, Rejects(home / "none"))
    figures.append(measured("bare executemany of the same rows", count, lambda: bare(store, rows)))
    drainer.stop()
    spool.close()
    store.close()
    return figures


def bare(store: Store, batch: Batch) -> None:
    """Rows that are ready, by the driver's own executemany, 1,000 to a transaction."""
    mark = "?" if store.observe.dialect.name == "sqlite" else "%s"
    inserts = {
        f"INSERT INTO spans ({','.join(COLUMNS)}) VALUES ({','.join([mark] * len(COLUMNS))})": batch.spans,
        f"INSERT INTO payloads VALUES ({','.join([mark] * 4)})": [row for row in batch.payloads if row is not None],
    }
    for start in range(0, len(batch.spans), BATCH):
        with writing(store.observe) as connection:
            cursor = connection.connection.cursor()
            for statement, rows in inserts.items():
                if rows:
                    cursor.executemany(statement, rows[start : start + BATCH])


def beside(count: int) -> list[Figure]:
    """What the request's path pays for figures and price."""
    metrics, prices, span = Metrics(), Prices(), made(payload=False)
    usage = span.usage or Usage()
    prices.cost("openai", "gpt-4o", usage, span.start_us)

    def observe() -> None:
        for _ in range(count):
            metrics.observe(span)

    def price() -> None:
        for _ in range(count):
            prices.cost("openai", "gpt-4o", usage, span.start_us)

    return [measured("metrics.observe", count, observe), measured("prices.cost", count, price)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spans", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--postgres", metavar="URL", help="also against this empty Postgres database")
    options = parser.parse_args()
    print(f"{options.spans:,} spans a round, best of {options.rounds}\n")
    for database_url in [None, *filter(None, [options.postgres])]:
        for payload in (True, False):
            print(f"{'Postgres' if database_url else 'SQLite'}, {'with' if payload else 'without'} input and output")
            rounds = []
            for _ in range(options.rounds):
                with tempfile.TemporaryDirectory() as home:
                    rounds.append(run(Path(home), database_url, options.spans, payload))
            show([min(same, key=lambda figure: figure.cpu) for same in zip(*rounds, strict=True)])
    print("Beside it, on the request's path")
    show(beside(options.spans))


def show(figures: list[Figure]) -> None:
    for figure in figures:
        print(f"  {figure.name:<48} {figure.cpu_us:6.1f} us CPU  {figure.spans / figure.wall:>9,.0f} spans/s")
    if len(figures) == 3:
        print(f"  {'drain / bare executemany':<48} {figures[1].cpu / figures[2].cpu:6.2f}")
    print()


if __name__ == "__main__":
    main()
