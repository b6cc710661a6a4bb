"""What a span costs the caller: this SDK beside Langfuse's, OpenTelemetry's and MLflow's, each in a process of its own.

    python benchmarks/observe/sdk.py --peers /path/to/venv-with-peers/bin/python [--spans 100000]

Each sends to the same server on loopback, which throws everything away, in a process of its own. Microseconds of the
caller: by the clock, which includes what the sending thread takes from it, and of CPU of its thread.
"""

import argparse
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SIDES = ("pilothouse", "opentelemetry", "langfuse", "mlflow")


def sink() -> None:
    """A server that reads and forgets; prints its port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            self.send_response(200)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        do_GET = do_POST

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    print(server.server_address[1], flush=True)
    threading.Thread(target=lambda: (sys.stdin.read(), server.shutdown()), daemon=True).start()
    server.serve_forever()


def pilothouse(url: str) -> dict[str, Callable[[], Any]]:
    import pilothouse as ph

    ph.configure(url=url, api_key="ph-x")

    @ph.observe
    def traced(question: str) -> str:
        return question

    def one() -> None:
        with ph.span("x"):
            pass

    def call() -> None:
        with ph.span("x", kind="llm", input=MESSAGES) as s:
            s.update(output="A short answer.", model="m", usage={"input_tokens": 10, "output_tokens": 5})

    return {"span": one, "function": lambda: traced("hi"), "llm": call, "flush": lambda: ph.flush(60)}


def opentelemetry(url: str) -> dict[str, Callable[[], Any]]:
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{url}/v1/traces")))
    trace.set_tracer_provider(provider)
    tracer = trace.get_tracer("bench")

    @tracer.start_as_current_span("traced")
    def traced(question: str) -> str:
        return question

    def one() -> None:
        with tracer.start_as_current_span("x"):
            pass

    def call() -> None:
        with tracer.start_as_current_span("x") as s:
            s.set_attribute("gen_ai.input.messages", json.dumps(MESSAGES))
            s.set_attribute("gen_ai.output.messages", "A short answer.")
            s.set_attribute("gen_ai.request.model", "m")
            s.set_attribute("gen_ai.usage.input_tokens", 10)
            s.set_attribute("gen_ai.usage.output_tokens", 5)

    return {"span": one, "function": lambda: traced("hi"), "llm": call, "flush": provider.force_flush}


def langfuse(url: str) -> dict[str, Callable[[], Any]]:
    from langfuse import Langfuse, observe

    client = Langfuse(public_key="pk-lf-x", secret_key="sk-lf-x", base_url=url)

    @observe()
    def traced(question: str) -> str:
        return question

    def one() -> None:
        with client.start_as_current_observation(name="x", as_type="span"):
            pass

    def call() -> None:
        with client.start_as_current_observation(name="x", as_type="generation", input=MESSAGES) as s:
            s.update(output="A short answer.", model="m", usage_details={"input": 10, "output": 5})

    return {"span": one, "function": lambda: traced("hi"), "llm": call, "flush": client.flush}


def mlflow(url: str) -> dict[str, Callable[[], Any]]:
    import os

    os.environ["MLFLOW_ENABLE_ASYNC_TRACE_LOGGING"] = "true"
    import mlflow as ml

    ml.set_tracking_uri(url)

    @ml.trace
    def traced(question: str) -> str:
        return question

    def one() -> None:
        with ml.start_span("x"):
            pass

    def call() -> None:
        with ml.start_span("x", span_type="LLM") as s:
            s.set_inputs(MESSAGES)
            s.set_outputs("A short answer.")
            s.set_attributes({"model": "m", "input_tokens": 10, "output_tokens": 5})

    return {"span": one, "function": lambda: traced("hi"), "llm": call, "flush": lambda: None}


MESSAGES = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "How do I rotate a key? " * 20}]


def measure(side: str, url: str, spans: int) -> None:
    """Print the figures of one side as JSON."""
    import logging

    logging.disable(logging.CRITICAL)
    acts = globals()[side](url)
    figures: dict[str, Any] = {}
    for name in ("span", "function", "llm"):
        act = acts[name]
        for _ in range(200):
            act()
        acts["flush"]()
        best = []
        for _ in range(3):
            wall, cpu = time.perf_counter(), time.thread_time()
            for _ in range(spans):
                act()
            best.append(((time.perf_counter() - wall) / spans * 1e6, (time.thread_time() - cpu) / spans * 1e6))
            acts["flush"]()
        wall_us, cpu_us = sorted(best)[1]
        figures[name] = {"wall_us": round(wall_us, 1), "cpu_us": round(cpu_us, 1)}
    if side == "pilothouse":
        from pilothouse.tracing.tracer import TRACER

        figures["dropped"] = TRACER.delivery.dropped if TRACER.delivery else None
    print("FIGURES " + json.dumps(figures), flush=True)
    sys.stdout.flush()
    import os

    os._exit(0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--peers", help="a Python with langfuse, opentelemetry-sdk, its OTLP exporter and mlflow-tracing"
    )
    parser.add_argument("--spans", type=int, default=100_000)
    parser.add_argument("--side", choices=SIDES)
    parser.add_argument("--url")
    parser.add_argument("--sink", action="store_true")
    given = parser.parse_args()
    if given.sink:
        return sink()
    if given.side:
        return measure(given.side, given.url, given.spans)
    server = subprocess.Popen([sys.executable, __file__, "--sink"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert server.stdout is not None
    url = f"http://127.0.0.1:{int(server.stdout.readline())}"
    print(f"{'':14}" + "".join(f"{name + ' wall/cpu us':>26}" for name in ("span", "function", "llm")))
    try:
        for side in SIDES:
            python = sys.executable if side == "pilothouse" else given.peers
            if python is None:
                continue
            count = given.spans if side in ("pilothouse", "opentelemetry") else max(1000, given.spans // 20)
            if side == "mlflow":
                count = 1000
            command = [python, __file__, "--side", side, "--url", url, "--spans", str(count)]
            done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
            line = next((line for line in done.stdout.splitlines() if line.startswith("FIGURES ")), None)
            if line is None:
                print(f"{side:14} failed: {done.stderr.strip()[-300:]}")
                continue
            figures = json.loads(line.removeprefix("FIGURES "))
            cells = [
                f"{figures[name]['wall_us']:.1f} / {figures[name]['cpu_us']:.1f}"
                for name in ("span", "function", "llm")
            ]
            print(f"{side:14}" + "".join(f"{cell:>26}" for cell in cells) + f"  dropped {figures.get('dropped', '-')}")
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
