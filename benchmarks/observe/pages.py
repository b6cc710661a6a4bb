"""How long the server takes for every page of the console, and for what the API reads, over a million spans.

    python benchmarks/observe/pages.py --work DIR [--spans 1000000] [--rounds 20] [--postgres URL] [--only TEXT]

The home is seeded once, through the code that the drainer runs, and kept in DIR; that takes minutes. Then each address
is asked of the whole application over ASGI, in this process, with the session of an administrator: the time is that of
the whole answer, from the request to its last byte, without the network. CPU is that of this process, all threads.
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlencode

from addresses import PAGE, Row, addresses
from starlette.types import ASGIApp, Message
from traffic import Month, seed

from pilothouse.access.shapes import KeyChange, KeySettings, TeamSettings
from pilothouse.alerts.book import Book, Noticed
from pilothouse.app import Platform, build
from pilothouse.config import Budget
from pilothouse.ids import now_us
from pilothouse.lifecycle.shadow import ShadowReports
from pilothouse.observe import Traces
from pilothouse.observe.costs.ledger import Ledger
from pilothouse.observe.observations import Observations
from pilothouse.observe.scores import Scores
from pilothouse.observe.sessions import Sessions
from pilothouse.observe.sums.figures import Figures
from pilothouse.observe.sums.overnight import Overnight
from pilothouse.settings import Settings
from pilothouse.web import _spare_the_collector

MASTER = "ph-" + "0" * 40
CONFIG = "models:\n" + "".join(
    f"  alias-{n}: {{deployments: [{{provider: builtin, model: echo}}]"
    f"{', shadow: {model: alias-2, share: 0.05}' if n == 1 else ''}}}\n"
    for n in range(12)
)
_LONGEST = 20.0  # seconds for a row, by the clock


@dataclass(frozen=True)
class Figure:
    """What it took: milliseconds of CPU and by the clock, the median and the worst; of the CPU, the part of what reads
    the database; and the bytes of the answer."""

    row: Row
    cpu: float
    worst: float
    wall: float
    reading: float
    size: int

    @property
    def missed(self) -> bool:
        return self.cpu > PAGE or (self.row.query is not None and self.reading > self.row.query)


class Readings:
    """Adds up the time that is spent in the methods which read the database. They are called by one thread at a time,
    each request after the other."""

    def __init__(self) -> None:
        self.spent = 0.0
        self._depth = 0

    def watch(self, *kinds: type) -> None:
        for kind in kinds:
            for name, method in list(vars(kind).items()):
                if callable(method) and not name.startswith("_"):
                    setattr(kind, name, self._clocked(method))

    def _clocked(self, method: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(method)
        def clocked(*given: Any, **named: Any) -> Any:
            self._depth += 1
            begun = time.process_time()
            try:
                return method(*given, **named)
            finally:
                self._depth -= 1
                if not self._depth:
                    self.spent += time.process_time() - begun

        return clocked


class Asker:
    """Asks an application over ASGI, signed in as an administrator."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._headers = [(b"host", b"test"), (b"authorization", f"Bearer {MASTER}".encode())]

    async def sign_in(self) -> None:
        form = urlencode({"key": MASTER}).encode()
        sent = await self._send("POST", "/console/login", form, (b"content-type", b"application/x-www-form-urlencoded"))
        cookie = next(value for name, value in sent[0]["headers"] if name == b"set-cookie")
        self._headers.append((b"cookie", cookie.partition(b";")[0]))

    async def get(self, address: str) -> bytes:
        sent = await self._send("GET", address)
        body = b"".join(message.get("body", b"") for message in sent)
        assert sent[0]["status"] == 200, (address, sent[0]["status"], body[-600:])
        return body

    async def _send(self, method: str, address: str, body: bytes = b"", *also: tuple[bytes, bytes]) -> list[Message]:
        path, _, query = address.partition("?")
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        await self._app({
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "path": unquote(path),
            "raw_path": path.encode(), "query_string": query.encode(), "headers": [*self._headers, *also],
            "scheme": "http", "server": ("test", 80), "client": ("127.0.0.1", 1), "root_path": "",
        }, receive, send)  # fmt: skip
        return sent


def settings_of(work: Path, postgres: str | None) -> Settings:
    work.mkdir(parents=True, exist_ok=True)
    (work / "pilothouse.yaml").write_text(CONFIG)
    return Settings(home=work / "home", config=work / "pilothouse.yaml", database_url=postgres, master_key=MASTER)


def administer(platform: Platform) -> list[tuple[str, str]]:
    """Teams, keys with budgets and a history, and alerts; the keys with their teams."""
    budgets = [Budget(usd=1000, period="month"), Budget(usd=50, period="day")]
    for n in range(10):
        platform.tenants.create("team", f"team-{n}", TeamSettings(name=f"Team {n}", budgets=budgets))
    keys = []
    for n in range(300):
        settings = KeySettings(team_id=f"team-{n % 10}", budgets=budgets[:1] if n % 5 == 0 else [])
        _, principal = platform.keys.create(f"service {n}", settings=settings)
        keys.append((principal.key_id, f"team-{n % 10}"))
        platform.keys.update(principal.key_id, KeyChange(name=f"service {n}, renamed"))
    for n in range(500):
        noticed = Noticed("error_rate", f"subject {n}", "warning", f"Of 1,000 requests {n} failed.", "/console/traces",
                          0.1, 0.02, 1000)  # fmt: skip
        alert = platform.alerts.book.open("default", noticed)
        if alert is not None and n >= 20:
            platform.alerts.book.clear("default", alert.id, "It is over.")
    return keys


def prepare(platform: Platform, spans: int, days: int) -> None:
    """Seed what is not there yet, and make the sheets of days that are over, as a server does by itself."""
    with platform.store.observe.connect() as connection:
        there = connection.exec_driver_sql("SELECT count(*) FROM traces").scalar()
    if not there:
        month = Month(spans, days, now_us(), administer(platform))
        seed(platform.store, platform.drainer, month)
    begun, days = time.process_time(), len([*Overnight(platform.store).run()])
    print(f"sheets of {days} days in {time.process_time() - begun:.2f} s of CPU")


async def measure(asker: Asker, row: Row, rounds: int, readings: Readings) -> Figure:
    """After one round that is left out, `rounds` of them; a row that takes seconds fewer."""
    cpu, wall, reading, size, begun = [], [], [], 0, time.perf_counter()
    for number in range(rounds + 1):
        readings.spent = 0.0
        at, used = time.perf_counter(), time.process_time()
        size = len(await asker.get(row.address))
        if number:
            cpu.append((time.process_time() - used) * 1000)
            wall.append((time.perf_counter() - at) * 1000)
            reading.append(readings.spent * 1000)
        if cpu and time.perf_counter() - begun > _LONGEST:
            break
    middle = statistics.median
    return Figure(row, middle(cpu), max(cpu), middle(wall), middle(reading), size)


async def run(platform: Platform, rounds: int, only: str) -> list[Figure]:
    readings = Readings()
    readings.watch(Figures, Traces, Sessions, Scores, Observations, Ledger, Book, ShadowReports)
    server = platform.server("127.0.0.1", 0)
    asker = Asker(server._uvicorn.config.app)  # type: ignore[arg-type]
    platform.first_key()
    platform.live.load()
    platform.prices.warm()
    await asker.sign_in()
    rows = [row for row in addresses(platform) if only in row.name or only in row.address]
    _spare_the_collector()
    figures = []
    for row in rows:
        figures.append(await measure(asker, row, rounds, readings))
        print(told(figures[-1]), flush=True)
    for listening in server._sockets:
        listening.close()
    return figures


def told(figure: Figure) -> str:
    """A line of the table."""
    query = "" if figure.row.query is None else f", {figure.row.query:.0f}"
    missed = " **missed**" if figure.missed else ""
    return (f"| {figure.row.name} | {figure.cpu:.1f} | {figure.worst:.1f} | {figure.wall:.1f} | {figure.reading:.1f} | "
            f"{PAGE:.0f}{query}{missed} | {figure.size / 1000:.0f} |")  # fmt: skip


def described(platform: Platform) -> str:
    """What there is."""
    counts = []
    with platform.store.observe.connect() as connection:
        for table in ("spans", "traces", "scores", "rollups", "sheets", "ledger"):
            counts.append(f"{connection.exec_driver_sql(f'SELECT count(*) FROM {table}').scalar():,} {table}")
    return ", ".join(counts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="where the seeded home is, or will be")
    parser.add_argument("--spans", type=int, default=1_000_000)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--only", default="", help="rows whose name or address has this")
    parser.add_argument("--postgres", help="the URL of an empty database, or of one that this seeded")
    given = parser.parse_args()
    if given.spans < 20_000:
        parser.error("--spans: 20,000 at least, or not everything that is asked for is there")
    with build(settings_of(given.work, given.postgres)) as platform:
        prepare(platform, given.spans, given.days)
        print(described(platform))
        print("| asked for | CPU ms | worst | wall ms | reading | aim | kB |\n|---|--:|--:|--:|--:|--:|--:|")
        figures = asyncio.run(run(platform, given.rounds, given.only))
    missed = [figure.row.name for figure in figures if figure.missed]
    print(f"{len(figures)} addresses, {len(missed)} over their aim: {'; '.join(missed)}")


if __name__ == "__main__":
    main()
