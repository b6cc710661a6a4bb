"""Spans arrive over HTTP and in a home; through forks, failures and full queues nothing is lost uncounted."""

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pilothouse import configure, flush, span
from pilothouse.tracing.delivery import Away, Delivery, Refused

from .conftest import Collector


class Taker:
    def __init__(self) -> None:
        self.taken: list[Any] = []
        self.away = False
        self.most = 10_000

    def send(self, items: Sequence[Any]) -> None:
        if self.away:
            raise Away("gone")
        if len(items) > self.most:
            raise Refused("too many", split=True)
        if "poison" in items:
            raise Refused("poison")
        self.taken += items

    def close(self) -> None: ...

    def abandon(self) -> None: ...


def test_a_full_queue_drops_counts_and_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    taker = Taker()
    taker.away = True
    delivery = Delivery(lambda: taker, most_items=10)
    with caplog.at_level(logging.WARNING):
        for number in range(25):
            delivery.put(number, 1)
    assert delivery.dropped == 15
    assert len([r for r in caplog.records if "dropped" in r.message]) == 1
    assert not delivery.flush(0.01)
    taker.away = False
    assert delivery.flush()
    assert taker.taken == list(range(10))
    delivery.close()


def test_what_is_being_sent_when_it_is_closed_closes_its_connection_at_its_end() -> None:
    sending, answer, closed = threading.Event(), threading.Event(), threading.Event()

    class Slow(Taker):
        def send(self, items: Sequence[Any]) -> None:
            sending.set()
            answer.wait(20)

        def close(self) -> None:
            closed.set()

    delivery = Delivery(Slow)
    delivery.put("x", 1)
    assert sending.wait(20)
    delivery.close(0.01)
    assert not closed.is_set()
    answer.set()
    assert closed.wait(20)


def test_the_queue_is_bounded_by_bytes_too() -> None:
    taker = Taker()
    taker.away = True
    delivery = Delivery(lambda: taker, most_bytes=100)
    for _ in range(5):
        delivery.put("x", 40)
    assert delivery.dropped == 3
    delivery.close(0.01)
    assert delivery.dropped == 5


def test_what_is_refused_takes_nothing_else_along() -> None:
    taker = Taker()
    taker.most = 1
    delivery = Delivery(lambda: taker)
    for item in ("a", "poison", "b"):
        delivery.put(item, 1)
    assert delivery.flush()
    assert taker.taken == ["a", "b"]
    assert delivery.dropped == 1
    delivery.close()


def test_a_server_that_is_away_for_a_moment_loses_nothing(collector: Collector) -> None:
    collector.answers = [503, 503]
    with span("patient"):
        pass
    assert flush()
    assert [got["name"] for got in collector.spans] == ["patient"]
    assert collector.requests[0][1]["authorization"] == "Bearer ph-test"


def test_a_flush_waits_for_what_was_recorded_before_a_change(collector: Collector) -> None:
    for number in range(20):
        with span(f"before {number}"):
            pass
        configure(environment=f"change {number}")
        assert flush()
        assert collector.requests[-1][2][0]["name"] == f"before {number}"


def test_large_batches_are_packed_and_a_mask_sees_all(collector: Collector) -> None:
    configure(mask=lambda value: "****" if "secret" in str(value) else value)
    with span("masked", input="secret " * 1000) as made:
        made.update(output="fine", metadata={"k": "secret"})
    with pytest.raises(ValueError, match="secret"), span("failing"):
        raise ValueError("a secret")
    configure(mask=lambda value: 1 / 0)
    with span("broken", input="text"):
        pass
    assert collector.span("masked")["input"] == {"value": "****"}
    assert collector.span("masked")["output"] == {"value": "fine"}
    assert collector.span("failing")["error_message"] == "****"
    assert "mask failed" in str(collector.span("broken")["input"])
    assert "secret" not in str(collector.requests)


PREFORK = """
import os, sys
from pilothouse import span, flush
with span("before"): pass
pids = []
for number in range(4):
    pid = os.fork()
    if not pid:
        for i in range(50):
            with span(f"worker {number}"): pass
        sys.exit(0)
    pids.append(pid)
for pid in pids:
    assert os.waitpid(pid, 0)[1] == 0
with span("after"): pass
"""

POOL = """
import multiprocessing as mp
from pilothouse import span
def work(n):
    with span(f"work {n}"): return n
if __name__ == "__main__":
    with span("main"): pass
    processes = [mp.get_context(METHOD).Process(target=work, args=(n,)) for n in range(3)]
    for p in processes: p.start()
    for p in processes: p.join(); assert p.exitcode == 0
"""


def run(script: str, tmp_path: Path, **env: str) -> None:
    path = tmp_path / "program.py"
    path.write_text(script)
    given = {**os.environ, **{f"PILOTHOUSE_{name}": value for name, value in env.items()}}
    done = subprocess.run([sys.executable, str(path)], env=given, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr, done.stderr


def test_forked_workers_send_their_own_and_only_that(collector: Collector, tmp_path: Path) -> None:
    run(PREFORK, tmp_path, URL=collector.url)
    names = [got["name"] for got in collector.spans]
    assert names.count("before") == names.count("after") == 1
    assert [names.count(f"worker {n}") for n in range(4)] == [50] * 4
    assert len({got["id"] for got in collector.spans}) == len(names)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes_of_multiprocessing(collector: Collector, tmp_path: Path, method: str) -> None:
    run(POOL.replace("METHOD", repr(method)), tmp_path, URL=collector.url)
    assert sorted(got["name"] for got in collector.spans) == ["main", "work 0", "work 1", "work 2"]


MEANWHILE = """
import http.client, os, socket, sys, threading
from pilothouse import configure, flush, span
from pilothouse.tracing import delivery

def fork(holds):
    pid = os.fork()
    if not pid:
        os._exit(not holds())
    assert os.waitpid(pid, 0)[1] == 0

server = socket.create_server(("127.0.0.1", 0))
reading, go = threading.Event(), threading.Event()
def answer():
    taken, _ = server.accept()
    with taken:
        taken.recv(65536)
        taken.sendall(b"HTTP/1.1 200 OK\\r\\ncontent-length: 2\\r\\n\\r\\n")
        go.wait()
        taken.sendall(b"{}")
threading.Thread(target=answer, daemon=True).start()
read = http.client.HTTPResponse.read
http.client.HTTPResponse.read = lambda response: reading.set() or read(response)
delivery.FORK_SECONDS = 0.05
configure(url=f"http://127.0.0.1:{server.getsockname()[1]}")
with span("first"): pass
reading.wait()
fork(flush)
go.set()
assert flush()

opening, forking = threading.Event(), threading.Event()
class Home:
    def __init__(self):
        opening.set()
        forking.wait()
        import pilothouse.tracing.home
        self.opened = True
    def send(self, items): pass
    def close(self): pass
    def abandon(self): forked.append(self.opened)
forked = []
def imports():
    import pilothouse.tracing.home
    return forked == [True]
made = delivery.Delivery(Home)
os.register_at_fork(before=forking.set)
made.put("item", 1)
opening.wait()
fork(imports)
assert made.flush()
"""


def test_a_fork_waits_for_no_answer_but_for_what_the_child_could_not_begin_anew(tmp_path: Path) -> None:
    run(MEANWHILE, tmp_path)


def test_forked_workers_of_a_home_write_spools_of_their_own(tmp_path: Path) -> None:
    from pilothouse.observe import Drainer
    from pilothouse.settings import Settings
    from pilothouse.storage import Spool, open_store

    home = tmp_path / "home"
    score = "from pilothouse import score_current_trace\nwith span('scored'): score_current_trace('good', 1.0)\n"
    imported = "import pilothouse.tracing.home\n"  # once, and not by each worker
    run(imported + PREFORK + score, tmp_path, HOME=str(home), URL="")
    settings = Settings(home=home)
    store = open_store(settings)
    spool = Spool.open(home, 10_000_000)
    drainer = Drainer(spool, store, home)
    drainer.take_over()
    drainer.stop()
    with store.observe.connect() as connection:
        names = [row[0] for row in connection.exec_driver_sql("SELECT name FROM spans")]
        scores = connection.exec_driver_sql("SELECT name, value FROM scores").fetchall()
        rolled = connection.exec_driver_sql(
            "SELECT count, total FROM score_rollups WHERE grain = 'day' AND dimension = 'all'"
        ).fetchall()
    assert len(names) == 203
    assert [tuple(row) for row in scores] == [("good", 1.0)]
    assert [tuple(row) for row in rolled] == [(1, 1.0)]
    spool.close()
    store.close()


@pytest.mark.usefixtures("tracer")
def test_a_home_keeps_to_its_policies_prices_and_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pilothouse.config import Config, Price
    from pilothouse.observe import Drainer, Traces
    from pilothouse.privacy import PrivacyConfig
    from pilothouse.settings import Settings
    from pilothouse.storage import SnapshotStore, Spool, open_store
    from pilothouse.storage.keyring import new_key
    from pilothouse.tracing.tracer import TRACER

    home, key = tmp_path / "home", new_key()
    monkeypatch.setenv("PILOTHOUSE_PAYLOAD_KEY", key)
    store = open_store(Settings(home=home, payload_key=key))
    price = Price(provider="openai", model="ours", input=Decimal(2), output=Decimal(4))
    config = Config(privacy=PrivacyConfig(redact=["email"]), prices=[price])
    SnapshotStore(store.control).put(config, author="ada", source="file")
    TRACER.configure(url=None, home=str(home))
    with span("ask", kind="llm") as step:
        step.update(input={"asked": "the Kaiser, ada@example.com"}, usage={"input_tokens": 3, "output_tokens": 1})
        step.update(metadata={"to": "ada@example.com"}, model="ours", provider="openai")
    assert flush(10)
    on_disk = b"".join(path.read_bytes() for path in home.rglob("*.log"))
    assert on_disk
    assert b"Kaiser" not in on_disk
    assert b"example.com" not in on_disk
    spool = Spool.open(home, 10_000_000)
    drainer = Drainer(spool, store, home)
    assert TRACER.delivery is not None
    TRACER.delivery.close(5)
    drainer.take_over()
    drainer.stop()
    (row,) = Traces(store).list().rows
    (kept,) = Traces(store).get(row.trace_id).spans
    assert kept.input == {"asked": "the Kaiser, [email]"}
    assert (kept.attributes["to"], kept.usage and kept.usage.input_tokens, kept.cost_nano) == ("[email]", 3, 10_000)
    spool.close()
    store.close()
