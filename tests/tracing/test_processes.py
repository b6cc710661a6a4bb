"""Real servers and pools of processes: each span of theirs arrives, once, however their workers come and go."""

import http.client
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import Collector

WORKERS, ROUNDS, REQUESTS_EACH = 2, 4, 5
APPLICATION = """
import os
from pilothouse import configure, observe, span, update_current_trace

with span("import"):  # in the master: its thread and its queue are not the workers'
    pass

@observe()
def work(path):
    update_current_trace(metadata={"pid": os.getpid()})
    return path

def app(environ, start_response):
    with span("request", input=environ["PATH_INFO"]) as s:
        work(environ["PATH_INFO"])
        s.update(metadata={"pid": os.getpid()})
    start_response("200 OK", [("content-length", "2"), ("connection", "close")])
    return [b"ok"]
"""


# gunicorn forgets a SIGTERM that meets a worker which has just been forked, and kills it only after 30 seconds.
BOOTING = """
import os
import signal

def mask(how):
    signal.pthread_sigmask(how, [signal.SIGTERM])

os.register_at_fork(before=lambda: mask(signal.SIG_BLOCK), after_in_parent=lambda: mask(signal.SIG_UNBLOCK))

def post_worker_init(worker):
    mask(signal.SIG_UNBLOCK)
"""


def ask(address: str, path: str) -> int:
    connection = http.client.HTTPConnection(address, timeout=20)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.parametrize("kind", ["sync", "gthread"])
def test_gunicorn_loses_none_when_workers_are_recycled_and_it_stops(
    collector: Collector, tmp_path: Path, kind: str
) -> None:
    (tmp_path / "application.py").write_text(APPLICATION)
    (tmp_path / "gunicorn.conf.py").write_text(BOOTING)
    count = WORKERS * ROUNDS * REQUESTS_EACH
    command = [
        sys.executable, "-m", "gunicorn", "application:app", "--bind", "127.0.0.1:0", "--workers", str(WORKERS),
        "--worker-class", kind, "--threads", "2", "--preload", "--max-requests", str(REQUESTS_EACH),
        "--worker-tmp-dir", str(tmp_path), "--no-control-socket",
    ]  # fmt: skip
    env = {**os.environ, "PILOTHOUSE_URL": collector.url}
    with subprocess.Popen(command, cwd=tmp_path, env=env, text=True, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        try:
            listening = next(line for line in process.stderr if "Listening at" in line)
            address = listening.split("http://")[1].split()[0]
            assert {ask(address, f"/{number}") for number in range(count)} == {200}
        finally:
            process.send_signal(signal.SIGTERM)
            rest = process.communicate(timeout=30)[1]
    assert process.returncode == 0, rest
    assert "Traceback" not in rest
    spans = collector.spans
    requests = [got for got in spans if got["name"] == "request"]
    assert sorted(got["input"]["value"] for got in requests) == sorted(f"/{number}" for number in range(count))
    assert len([got for got in spans if got["name"] == "work"]) == count
    assert len([got for got in spans if got["name"] == "import"]) == 1
    assert len({got["attributes"]["pid"] for got in requests}) > WORKERS, "workers were recycled"


POOLS = """
import asyncio
import concurrent.futures
import multiprocessing
import sys
import threading

from pilothouse import ContextExecutor, span

def work(name):
    with span(name):
        return name

async def tasks(prefix):
    async def one(number):
        with span(f"{prefix} {number}"):
            await asyncio.sleep(0)
    with span(f"{prefix} root"):
        await asyncio.gather(*(one(number) for number in range(3)))

def mixed(name):
    "A worker with threads and tasks of its own."
    with ContextExecutor(concurrent.futures.ThreadPoolExecutor(2)) as threads, span(name):
        list(threads.map(work, [f"{name} thread {number}" for number in range(3)]))
    asyncio.run(tasks(f"{name} task"))

if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    work("main")
    pool = context.Pool(2, maxtasksperchild=2)
    pool.map(work, [f"pool {number}" for number in range(6)], chunksize=1)
    pool.close()
    pool.join()
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as executor:
        list(executor.map(work, [f"executor {number}" for number in range(6)]))
    process = context.Process(target=mixed, args=("mixed",))
    process.start()
    process.join()
    assert process.exitcode == 0
"""


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_pools_threads_and_tasks_lose_none(collector: Collector, tmp_path: Path, method: str) -> None:
    run(POOLS, tmp_path, collector, method)
    got = collector.spans
    pooled = [f"{kind} {number}" for kind in ("pool", "executor") for number in range(6)]
    inner = [f"mixed {kind} {number}" for kind in ("thread", "task") for number in range(3)]
    names = sorted(one["name"] for one in got)
    assert names == sorted(["main", "mixed", "mixed task root", *pooled, *inner])
    by_name = {one["name"]: one for one in got}
    assert {by_name[name]["parent_id"] for name in inner[:3]} == {by_name["mixed"]["id"]}
    assert {by_name[name]["parent_id"] for name in inner[3:]} == {by_name["mixed task root"]["id"]}


PREFORK = """
import os
import signal
import sys
from pilothouse import flush, span

def work(name):
    with span(name):
        pass

def serve(number):
    "A worker that ends without the interpreter's own end, as those of prefork servers do: the hook is theirs."
    for task in range(20):
        work(f"task {number} {task}")
    assert flush()
    os._exit(0)

with span("boot"):
    alive = {}
    for number in range(4):
        alive[os.fork() or serve(number)] = number
    for number in range(4, 6):  # who has ended is replaced
        pid, status = os.wait()
        assert status == 0
        alive[os.fork() or serve(number)] = number
    for _ in range(4):
        assert os.wait()[1] == 0
"""


def test_prefork_workers_that_flush_lose_none_and_share_nothing(collector: Collector, tmp_path: Path) -> None:
    run(PREFORK, tmp_path, collector)
    got = collector.spans
    tasks = [one for one in got if one["name"] != "boot"]
    assert sorted(one["name"] for one in tasks) == sorted(f"task {w} {task}" for w in range(6) for task in range(20))
    (boot,) = (one for one in got if one["name"] == "boot")
    assert {one["parent_id"] for one in tasks} == {boot["id"]}, "the span that ran at the fork is theirs, too"
    assert len({one["id"] for one in got}) == len(got), "no two processes draw the same ids"


def run(script: str, tmp_path: Path, collector: Collector, *arguments: str) -> None:
    path = tmp_path / "program.py"
    path.write_text(script)
    env = {**os.environ, "PILOTHOUSE_URL": collector.url}
    command = [sys.executable, str(path), *arguments]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
