"""OTLP to durable rows: spans per second that a server acknowledges, and what a span costs it.

    python benchmarks/observe/otlp.py [--spans 40000] [--cpu 1]

First decoding and mapping alone, in this process. Then a real server, pinned to one core (`--cpu`), to which clients in
this process post protobuf over loopback and wait for each acknowledgement, which comes after the commit: exporters'
batches of 512 spans on 4 connections, and single spans on 32 connections, which share their commits. CPU is that of the
server's process from the first post to the last acknowledgement.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from pilothouse.observe import Prices
from pilothouse.observe.arrival.reception import Reception
from pilothouse.observe.dialects import otlp_protobuf
from pilothouse.observe.dialects.mapping import to_span
from pilothouse.principal import EMBEDDED

KEY = "ph-benchmark"
KINDS = {int: "int_value", float: "double_value", str: "string_value"}
QUESTION = "How long does a rollback take, and who may start one? " * 6
CHAIN: dict[str, Any] = {"session.id": "s-17", "user.id": "u-3", "http.request.method": "POST", "url.path": "/ask"}
SEARCH: dict[str, Any] = {
    "openinference.span.kind": "RETRIEVER", "input.value": QUESTION, "input.mime_type": "text/plain",
    **{f"retrieval.documents.{i}.document.content": "A passage of the handbook. " * 12 for i in range(4)},
}  # fmt: skip
CHAT: dict[str, Any] = {
    "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o",
    "gen_ai.response.model": "gpt-4o-2024-08-06", "gen_ai.usage.input_tokens": 812, "gen_ai.usage.output_tokens": 126,
    "gen_ai.request.temperature": 0.2, "gen_ai.response.id": "chatcmpl-abc", "server.address": "api.openai.com",
    "gen_ai.input.messages": json.dumps(
        [{"role": "user", "parts": [{"type": "text", "content": QUESTION}]}]
    ),
    "gen_ai.output.messages": json.dumps(
        [{"role": "assistant", "parts": [{"type": "text", "content": "Four minutes. " * 20}], "finish_reason": "stop"}]
    ),
}  # fmt: skip
STEPS = (("answer", CHAIN), ("search", SEARCH), ("chat gpt-4o", CHAT), ("parse", {"ok": 1}))


@dataclass(frozen=True)
class Figure:
    """What so many spans took of the server."""

    name: str
    spans: int
    cpu: float
    wall: float

    def __str__(self) -> str:
        rate, core = self.spans / self.wall, self.spans / self.cpu
        return f"{self.name:34} {self.cpu / self.spans * 1e6:8.1f} us CPU {core:9,.0f} spans/CPU s {rate:9,.0f} spans/s"


def pairs(given: dict[str, Any]) -> list[KeyValue]:
    return [KeyValue(key=name, value=AnyValue(**{KINDS[type(v)]: v})) for name, v in given.items()]


def request(spans: int) -> bytes:
    """Traces of four spans: a root, a retrieval, a call of a model, a small step."""
    made, at = ExportTraceServiceRequest(), time.time_ns()
    group = made.resource_spans.add()
    group.resource.attributes.extend(
        pairs({"service.name": "shop", "service.version": "1.2", "telemetry.sdk.language": "python"})
    )
    scope = group.scope_spans.add()
    scope.scope.name = "shop"
    trace, root = b"", b""
    for number in range(spans):
        name, attributes = STEPS[number % len(STEPS)]
        if number % len(STEPS) == 0:
            trace, root = os.urandom(16), b""
        own = os.urandom(8)
        scope.spans.add(
            trace_id=trace, span_id=own, parent_span_id=root, name=name, start_time_unix_nano=at + number,
            end_time_unix_nano=at + 1_500_000_000, attributes=pairs(attributes),
        )  # fmt: skip
        root = root or own
    return made.SerializeToString()


def read(spans: int) -> list[Figure]:
    body, reception = request(spans), Reception(Prices())
    best = [1e9, 1e9]
    for _ in range(5):
        began = time.process_time()
        found = otlp_protobuf.read_traces(body)
        made = [to_span(span) for span in found.spans]
        middle = time.process_time()
        for span in made:
            reception.admit(span, EMBEDDED)
        best = [min(best[0], middle - began), min(best[1], time.process_time() - middle)]
    return [
        Figure(name, spans, cpu, cpu) for name, cpu in zip(("decode and map", "check and price"), best, strict=True)
    ]


def cpu_of(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def post(url: str, bodies: list[bytes], connections: int) -> None:
    """Each connection has one request under way at a time."""
    waiting = iter(bodies)
    headers = {"authorization": f"Bearer {KEY}", "content-type": "application/x-protobuf"}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=connections), headers=headers) as session:

        async def work() -> None:
            for body in waiting:
                async with session.post(f"{url}/v1/traces", data=body) as answer:
                    assert answer.status == 200, await answer.read()
                    assert await answer.read() == b"", "something was rejected"

        await asyncio.gather(*(work() for _ in range(connections)))


def served(spans: int, cpu: int) -> list[Figure]:
    figures = []
    with tempfile.TemporaryDirectory() as home:
        env = {**os.environ, "PILOTHOUSE_MASTER_KEY": KEY}
        command = ["taskset", "-c", str(cpu), sys.executable, "-m", "pilothouse", "--home", home, "up", "--port", "0"]
        server = subprocess.Popen(command, env=env, text=True, stdout=subprocess.PIPE)
        try:
            assert server.stdout is not None
            url = server.stdout.readline().rsplit(" ", 1)[-1].strip()
            asyncio.run(post(url, [request(64) for _ in range(20)], 4))
            for name, size, connections, count in (
                ("batches of 512, 4 connections", 512, 4, spans),
                ("single spans, 32 connections", 1, 32, spans // 8),
            ):
                bodies = [request(size) for _ in range(count // size)]
                before, began = cpu_of(server.pid), time.perf_counter()
                asyncio.run(post(url, bodies, connections))
                wall = time.perf_counter() - began
                figures.append(Figure(name, len(bodies) * size, cpu_of(server.pid) - before, wall))
        finally:
            server.terminate()
            server.wait()
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spans", type=int, default=40_000)
    parser.add_argument("--cpu", type=int, default=1)
    given = parser.parse_args()
    print(f"{len(request(4000)) / 4000:.0f} bytes a span")
    for figure in [*read(4000), *served(given.spans, given.cpu)]:
        print(figure)


if __name__ == "__main__":
    main()
