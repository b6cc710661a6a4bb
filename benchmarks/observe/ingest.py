"""Spans over OTLP into durable rows: this server beside Phoenix and MLflow, one after the other in one run.

    python benchmarks/observe/ingest.py --phoenix /venv/bin/phoenix --mlflow /venv/bin/mlflow [--spans 20000]

Every side gets the same protobuf requests: 25 traces of 4 spans each, with GenAI attributes, messages and answer, from
4 connections at once. A span counts once it is a row of the side's SQLite file, which is what is polled; where a side
acknowledges earlier, that is told too. CPU is that of the server's whole process tree. Server and sender have a CPU
each.
"""

import argparse
import http.client
import json
import os
import secrets
import shutil
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

TRACES, CONNECTIONS = 25, 4
PER_REQUEST = 4 * TRACES
TICKS = os.sysconf("SC_CLK_TCK")
QUESTION = "What was the revenue of the segment in the third quarter, and how did it change against last year? " * 4
ANSWER = "Revenue of the segment was 5.2 billion, up 4 % against last year, driven by services. " * 4


class Side(NamedTuple):
    """A server: how it is started, what its requests say, and the file whose `spans` are counted."""

    command: list[str]
    env: dict[str, str]
    port: int
    headers: dict[str, str]
    database: Path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def pilothouse(work: Path) -> Side:
    port, key = free_port(), "ph-" + secrets.token_hex(20)
    config = work / "pilothouse.yaml"
    config.write_text("models:\n  echo: {deployments: [{provider: builtin, model: echo}]}\n")
    env = {"PILOTHOUSE_HOME": str(work / "home"), "PILOTHOUSE_MASTER_KEY": key, "PILOTHOUSE_CONFIG": str(config)}
    command = [str(Path(sys.executable).parent / "pilothouse"), "up", "--port", str(port)]
    return Side(command, env, port, {"authorization": f"Bearer {key}"}, work / "home/observe.db")


def phoenix(work: Path, program: str) -> Side:
    port = free_port()
    env = {"PHOENIX_WORKING_DIR": str(work), "PHOENIX_PORT": str(port), "PHOENIX_GRPC_PORT": str(free_port()),
           "PHOENIX_HOST": "127.0.0.1", "PHOENIX_TELEMETRY_ENABLED": "false"}  # fmt: skip
    return Side([program, "serve"], env, port, {}, work / "phoenix.db")


def mlflow(work: Path, program: str) -> Side:
    port, database = free_port(), work / "mlflow.db"
    command = [program, "server", "--backend-store-uri", f"sqlite:///{database}", "--host", "127.0.0.1", "--port",
               str(port), "--workers", "1", "--default-artifact-root", str(work / "artifacts")]  # fmt: skip
    env = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    return Side(command, env, port, {"x-mlflow-experiment-id": "0"}, database)


def requests(count: int) -> Iterator[bytes]:
    for _ in range(count):
        request = ExportTraceServiceRequest()
        resource = request.resource_spans.add()
        resource.resource.attributes.append(KeyValue(key="service.name", value=AnyValue(string_value="benchmark")))
        scope = resource.scope_spans.add()
        scope.scope.name = "benchmark"
        for _ in range(TRACES):
            trace, root = secrets.token_bytes(16), secrets.token_bytes(8)
            for number, (name, attributes) in enumerate(steps()):
                span = scope.spans.add(
                    trace_id=trace, span_id=root if number == 0 else secrets.token_bytes(8), name=name
                )
                if number:
                    span.parent_span_id = root
                span.kind = 3
                span.start_time_unix_nano = time.time_ns() + number * 1_000_000
                span.end_time_unix_nano = span.start_time_unix_nano + 250_000_000 + secrets.randbelow(10**8)
                for key, value in attributes.items():
                    field = "int_value" if isinstance(value, int) else "string_value"
                    span.attributes.append(KeyValue(key=key, value=AnyValue(**{field: value})))
        yield request.SerializeToString()


def steps() -> list[tuple[str, dict[str, Any]]]:
    asked = [{"role": "user", "parts": [{"type": "text", "content": f"{secrets.token_hex(4)} {QUESTION}"}]}]
    told = [{"role": "assistant", "parts": [{"type": "text", "content": f"{ANSWER} {secrets.token_hex(4)}"}],
             "finish_reason": "stop"}]  # fmt: skip
    return [
        ("answer", {"user.id": f"user-{secrets.randbelow(200)}", "session.id": secrets.token_hex(8)}),
        ("retrieve", {"gen_ai.operation.name": "retrieval", "openinference.span.kind": "RETRIEVER"}),
        ("chat gpt-4o", {
            "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o",
            "gen_ai.response.model": "gpt-4o-2024-08-06", "gen_ai.usage.input_tokens": 420,
            "gen_ai.usage.output_tokens": 96, "gen_ai.input.messages": json.dumps(asked),
            "gen_ai.output.messages": json.dumps(told), "openinference.span.kind": "LLM",
        }),
        ("parse", {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "parse"}),
    ]  # fmt: skip


def run(side: Side, spans: int) -> dict[str, Any]:
    warm, bodies = [*requests(CONNECTIONS)], [*requests(spans // PER_REQUEST)]
    server = subprocess.Popen(
        ["taskset", "-c", "0", *side.command], env={**os.environ, **side.env}, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        wait(side)
        send(side, warm)
        rows(side, len(warm) * PER_REQUEST)
        cpu, began = cpu_of(server.pid), time.perf_counter()
        failed = send(side, bodies)
        acknowledged = time.perf_counter() - began
        there = rows(side, (len(warm) + len(bodies)) * PER_REQUEST) - len(warm) * PER_REQUEST
        durable = time.perf_counter() - began
        used = cpu_of(server.pid) - cpu
        return {"spans": there, "asked again": failed, "acknowledged": spans / acknowledged, "durable": there / durable,
                "cpu us": used * 1e6 / max(1, there)}  # fmt: skip
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)


def wait(side: Side) -> None:
    for _ in range(1200):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", side.port, timeout=5)
            connection.request("GET", "/health")
            connection.getresponse().read()
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit(f"{side.command[0]} did not start")


def send(side: Side, bodies: list[bytes]) -> int:
    """Over some connections; how often a request was refused and sent again."""
    waiting, failed = list(bodies), [0]
    headers = {"content-type": "application/x-protobuf", **side.headers}

    def work() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", side.port, timeout=300)
        while waiting:
            try:
                body = waiting.pop()
            except IndexError:
                return
            while True:
                connection.request("POST", "/v1/traces", body, headers)
                answer = connection.getresponse()
                told = answer.read()
                if answer.status == 200:
                    break
                if answer.status not in (429, 500, 502, 503):
                    raise SystemExit(f"{answer.status}: {told[:300]!r}")
                failed[0] += 1
                time.sleep(0.1)

    threads = [threading.Thread(target=work) for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failed[0]


def rows(side: Side, wanted: int) -> int:
    """Wait for that many rows; gives up when none came for 20 s."""
    last, since = -1, time.monotonic()
    while time.monotonic() - since < 20:
        try:
            connection = sqlite3.connect(f"file:{side.database}?mode=ro", uri=True, timeout=5)
            count = int(connection.execute("SELECT count(*) FROM spans").fetchone()[0])
            connection.close()
        except sqlite3.Error:
            count = -1
        if count >= wanted:
            return count
        if count != last:
            last, since = count, time.monotonic()
        time.sleep(0.02)
    return last


def cpu_of(pid: int) -> float:
    """Seconds of CPU of a process and all below it."""
    own = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    total = (int(own[11]) + int(own[12]) + int(own[13]) + int(own[14])) / TICKS
    for task in Path(f"/proc/{pid}/task").iterdir():
        total += sum(cpu_of(int(child)) for child in (task / "children").read_text().split())
    return total


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--phoenix")
    options.add_argument("--mlflow")
    options.add_argument("--spans", type=int, default=20_000)
    options.add_argument("--slow-spans", type=int, default=2_000, help="for the peers")
    options.add_argument("--rounds", type=int, default=3)
    given = options.parse_args()
    os.sched_setaffinity(0, {1})
    makers = {"pilothouse": (lambda work: pilothouse(work), given.spans)}
    if given.phoenix:
        makers["phoenix"] = (lambda work: phoenix(work, given.phoenix), given.slow_spans)
    if given.mlflow:
        makers["mlflow"] = (lambda work: mlflow(work, given.mlflow), given.slow_spans)
    results: dict[str, list[dict[str, Any]]] = {name: [] for name in makers}
    for _ in range(given.rounds):
        for name, (make, spans) in makers.items():
            work = Path(tempfile.mkdtemp(prefix=f"ingest-{name}-"))
            results[name].append(run(make(work), spans))
            print(name, json.dumps(results[name][-1]), flush=True)
            shutil.rmtree(work, ignore_errors=True)
    print(
        "| side | durable spans/s | acknowledged spans/s | cpu us per span | requests refused |\n|---|---|---|---|---|"
    )
    for name, found in results.items():
        middle = {key: statistics.median(one[key] for one in found) for key in found[0]}
        print(f"| {name} | {middle['durable']:,.0f} | {middle['acknowledged']:,.0f} | {middle['cpu us']:,.0f} | "
              f"{middle['asked again']:.0f} |")  # fmt: skip


if __name__ == "__main__":
    main()
