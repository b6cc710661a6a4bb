#!/usr/bin/env python3
"""Gateways side by side in one run: CPU per request and added latency against a loopback upstream.

    python benchmarks/gateway/run.py --targets direct,nginx,pilothouse,litellm,portkey --work build/bench

Every gateway is one process (and its children) on one CPU; the load generator and the upstream share the other.
Phases are interleaved over the targets and repeated, so that a drifting machine hurts all alike. `cpu us` is the CPU
time of the gateway's whole process tree per request, the figure that survives a busy machine.
The peers live in environments of their own under --work; see README.md for how to install them.
"""

import argparse
import json
import os
import shlex
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
KEY = "ph-benchmark"
PATH = "/v1/chat/completions"
# name: (stream, requests/s or 0 for as many as it takes, connections)
PHASES = {"json": (False, 0, 32), "quiet": (False, 50, 8), "stream": (True, 0, 32), "ttft": (True, 20, 8)}
BODY = {
    "model": "gpt-mock",
    "messages": [
        {"role": "system", "content": "You are a helpful assistant."},
        {"role": "user", "content": "Say something about foxes. RUN @@00000000@@"},
    ],
    "temperature": 0.2,
    "max_tokens": 64,
}


def build(name: str, work: Path) -> Path:
    out, source = work / name, HERE / f"{name}.c"
    if not out.exists() or out.stat().st_mtime < source.stat().st_mtime:
        subprocess.run(["gcc", "-O2", "-o", out, source], check=True)
    return out


def process_tree(pid: int) -> Iterator[int]:
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            yield from process_tree(int(child))


def cpu_seconds(pid: int) -> float:
    """CPU time of a process tree, from the scheduler's own nanosecond counters."""
    total = 0
    for process in process_tree(pid):
        for task in Path(f"/proc/{process}/task").glob("*/schedstat"):
            total += int(task.read_text().split()[0])
    return total / 1e9


def memory_mb(pid: int) -> float:
    total = 0
    for process in process_tree(pid):
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


@dataclass
class Target:
    """One gateway under load. `command` is None for the upstream itself."""

    name: str
    port: int
    command: list[str] | None
    env: dict[str, str] = field(default_factory=dict)
    headers: list[str] = field(default_factory=lambda: [f"authorization: Bearer {KEY}"])
    cached: bool = False
    pid: int = 0
    cold_s: float = 0.0
    memory: float = 0.0
    results: dict[str, list[dict[str, Any]]] = field(default_factory=dict)


def targets(names: list[str], work: Path, upstream: str, port: int) -> list[Target]:
    made = []
    for i, name in enumerate(names):
        at = port + 1 + i
        if name == "direct":
            made.append(Target(name, port, None))
        elif name == "pilothouse":
            made.append(pilothouse(work, upstream, at))
        elif name == "pilothouse-hits":
            made.append(pilothouse(work, upstream, at, cached=True))
        elif name == "litellm":
            made.append(litellm(work, upstream, at))
        elif name == "portkey":
            made.append(portkey(work, upstream, at))
        elif name == "nginx":
            made.append(nginx(work, upstream, at))
        else:
            sys.exit(f"unknown target {name}")
    return made


def pilothouse(work: Path, upstream: str, port: int, *, cached: bool = False, small_cache: bool = False) -> Target:
    """One process with everything on: a key with limits and a budget, two deployments by weight, an exact cache,
    tracing with payloads, prices, the ledger, recording into SQLite. `cached` asks for the same answer every time."""
    name = "pilothouse (exact hits)" if cached else "pilothouse"
    config, home = work / f"{port}.yaml", work / f"home-{port}-{int(time.time())}"
    config.write_text(
        f'providers:\n  one: {{kind: openai, base_url: "{upstream}/v1", api_key: sk-up}}\n'
        f'  two: {{kind: openai, base_url: "{upstream}/v1", api_key: sk-up}}\n'
        "models:\n  gpt-mock:\n    deployments:\n      - {provider: one, model: gpt-4o-mini, weight: 3}\n"
        "      - {provider: two, model: gpt-4o-mini}\n    exact_cache: {ttl: 3600}\n"
        + ("cache: {max_bytes: 8000000}\n" if small_cache else "")
        + "prices:\n  - {provider: one, model: gpt-4o-mini, input: 0.15, output: 0.6}\n"
        "  - {provider: two, model: gpt-4o-mini, input: 0.15, output: 0.6}\n"
    )
    base = [sys.executable, "-m", "pilothouse", "--home", str(home), "--config", str(config)]
    create = [*base, "keys", "create", "bench", "--rpm", "100000000", "--tpm", "1000000000", "--parallel", "4096"]
    made = subprocess.run([*create, "--budget", "100000usd/month", "--json"], capture_output=True, check=True)
    key = json.loads(made.stdout)["secret"]
    command = [*base, "up", "--port", str(port)]
    return Target(name, port, command, {"PILOTHOUSE_MASTER_KEY": KEY}, [f"authorization: Bearer {key}"], cached)


def litellm(work: Path, upstream: str, port: int) -> Target:
    config = work / "litellm.yaml"
    config.write_text(
        "model_list:\n  - model_name: gpt-mock\n    litellm_params: "
        f'{{model: openai/gpt-4o-mini, api_base: "{upstream}/v1", api_key: sk-up}}\n'
        "litellm_settings: {telemetry: false, num_retries: 0, request_timeout: 60}\n"
        f"general_settings: {{master_key: {KEY}}}\n"
    )
    command = [str(work / "v_litellm/bin/litellm"), "--config", str(config), "--host", "127.0.0.1", "--port", str(port)]
    env = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR", "LITELLM_MODE": "PRODUCTION"}
    return Target("litellm", port, [*command, "--num_workers", "1"], env)


def portkey(work: Path, upstream: str, port: int) -> Target:
    server = work / "npm/node_modules/@portkey-ai/gateway/build/start-server.js"
    headers = [f"authorization: Bearer {KEY}", "x-portkey-provider: openai", f"x-portkey-custom-host: {upstream}/v1"]
    return Target(
        "portkey", port, ["node", str(server), f"--port={port}", "--headless"], {"NODE_ENV": "production"}, headers
    )


def nginx(work: Path, upstream: str, port: int) -> Target:
    """A bare proxy in C, as the limit: it neither authenticates nor records."""
    (work / "nginx").mkdir(exist_ok=True)
    temp = "".join(f"{kind}_temp_path {work}/nginx; " for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (work / "nginx.conf").write_text(
        f"daemon off; worker_processes 1; pid {work}/nginx.pid; error_log {work}/nginx.err;\n"
        f"events {{ worker_connections 4096; }}\nhttp {{ access_log off; {temp}\n"
        f"upstream up {{ server {upstream.removeprefix('http://')}; keepalive 256; }}\n"
        f"server {{ listen 127.0.0.1:{port}; keepalive_requests 10000000; location / {{ proxy_pass http://up; "
        'proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; } } }\n'
    )
    return Target("nginx", port, ["nginx", "-c", str(work / "nginx.conf"), "-p", str(work)])


@contextmanager
def running(command: list[str], env: dict[str, str], cpu: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as out:
        pinned = ["taskset", "-c", cpu, *command] if cpu else command
        process = subprocess.Popen(pinned, stdout=out, stderr=out, env={**os.environ, **env}, start_new_session=True)
        try:
            yield process
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


def start(target: Target, stack: ExitStack, args: argparse.Namespace) -> None:
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", target.port)) == 0 and target.command:
            sys.exit(f"port {target.port} is in use: another server would be measured as {target.name}")
    if target.command is None:
        return
    log = args.work / f"{target.name}.log"
    began = time.monotonic()
    process = stack.enter_context(running(target.command, target.env, args.gateway_cpu, log))
    target.pid = process.pid
    while not answers(target):
        if process.poll() is not None or time.monotonic() - began > 180:
            sys.exit(f"{target.name} did not start; see {log}")
        time.sleep(0.05)
    target.cold_s = time.monotonic() - began
    load(target, "json", 4, args)
    load(target, "stream", 2, args)
    target.memory = memory_mb(target.pid)


def answers(target: Target) -> bool:
    headers = {"content-type": "application/json", **dict(h.split(": ", 1) for h in target.headers)}
    request = urllib.request.Request(f"http://127.0.0.1:{target.port}{PATH}", json.dumps(BODY).encode(), headers)
    try:
        return b"choices" in urllib.request.urlopen(request, timeout=20).read()
    except (urllib.error.URLError, OSError):
        return False


def body_text(stream: bool, run: str) -> str:
    """The request. The load generator counts within a run; `run` tells runs apart, or every later one would be answered
    from the cache of the first."""
    text = json.dumps({**BODY, "stream": True} if stream else BODY, separators=(",", ":"))
    return text.replace("RUN", run.ljust(20))


def load(target: Target, phase: str, seconds: float, args: argparse.Namespace) -> dict[str, Any]:
    stream, rate, connections = PHASES[phase]
    body = args.work / f"body-{stream}.json"
    body.write_text(body_text(stream, "the same" if target.cached else f"{time.time_ns():020}"))
    command = [str(build("loadgen", args.work)), "-p", str(target.port), "-P", PATH, "-b", str(body)]
    command += [
        "-c",
        str(connections),
        "-d",
        str(seconds),
        "-w",
        str(args.warm),
        "-r",
        str(rate),
        "-V",
        "0" if target.cached else "1",
    ]
    command += ["-m", "DONE" if stream else "quick"]
    for header in target.headers:
        command += ["-H", header]
    if args.load_cpu:
        command = ["taskset", "-c", args.load_cpu, *command]
    before = cpu_seconds(target.pid) if target.pid else 0.0
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + args.warm + 60, check=True)
    result: dict[str, Any] = json.loads(done.stdout)
    if target.pid and result["ok"]:
        with_warm_up = result["ok"] * (seconds + args.warm) / seconds
        result["cpu_us"] = (cpu_seconds(target.pid) - before) / with_warm_up * 1e6
    return result


def median(target: Target, phase: str, *path: str) -> float:
    values = []
    for result in target.results[phase]:
        value: Any = result
        for step in path:
            value = value.get(step, {}) if isinstance(value, dict) else {}
        if isinstance(value, int | float):
            values.append(value)
    return statistics.median(values) if values else float("nan")


def report(made: list[Target]) -> list[dict[str, Any]]:
    direct = next((t for t in made if t.name == "direct"), None)
    ours = next((t for t in made if t.name == "pilothouse"), None)
    rows = []
    for target in made:
        added = {}
        for name, phase, kind, point in (
            ("added p50 ms", "quiet", "lat_us", "p50"),
            ("added p99 ms", "quiet", "lat_us", "p99"),
            ("added TTFT p50 ms", "ttft", "ttfb_us", "p50"),
            ("added TTFT p99 ms", "ttft", "ttfb_us", "p99"),
        ):
            base = median(direct, phase, kind, point) if direct else 0.0
            added[name] = (median(target, phase, kind, point) - base) / 1000
        cpu = median(target, "json", "cpu_us")
        rows.append(
            {
                "target": target.name,
                "cpu us": cpu,
                "x ours": cpu / median(ours, "json", "cpu_us") if ours else float("nan"),
                "requests/s": median(target, "json", "rps"),
                "stream cpu us": median(target, "stream", "cpu_us"),
                **added,
                "cold s": target.cold_s,
                "MB": target.memory,
                "wrong": sum(r["bad_status"] + r["errors"] for rs in target.results.values() for r in rs),
            }
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--targets", default="direct,pilothouse")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--warm", type=float, default=1)
    parser.add_argument("--work", type=Path, default=Path("build/bench"))
    parser.add_argument("--port", type=int, default=9100)
    parser.add_argument("--load-cpu", default="0", help="empty: not pinned")
    parser.add_argument("--gateway-cpu", default="1", help="empty: not pinned")
    parser.add_argument("--upstream", default="", help="arguments of mock_upstream: delay_ms chunks interval_ms")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    args.work = args.work.resolve()
    args.work.mkdir(parents=True, exist_ok=True)
    upstream = f"http://127.0.0.1:{args.port}"
    with ExitStack() as stack:
        command = [str(build("mock_upstream", args.work)), str(args.port), *shlex.split(args.upstream)]
        stack.enter_context(running(command, {}, args.load_cpu, args.work / "upstream.log"))
        time.sleep(0.3)
        made = targets(args.targets.split(","), args.work, upstream, args.port)
        for target in made:
            start(target, stack, args)
        for _ in range(args.repeats):
            for phase in PHASES:
                for target in made:
                    target.results.setdefault(phase, []).append(load(target, phase, args.seconds, args))
        rows = report(made)
    columns = list(rows[0])
    print("| " + " | ".join(columns) + " |\n|" + "---|" * len(columns))
    for row in rows:
        print("| " + " | ".join(f"{v:,.2f}" if isinstance(v, float) else str(v) for v in row.values()) + " |")
    if args.out:
        args.out.write_text(json.dumps({"rows": rows, "raw": {t.name: t.results for t in made}}, indent=1))


if __name__ == "__main__":
    main()
