#!/usr/bin/env python3
"""What one process holds: memory over 200,000 calls, and 2,000 slow streams at once.

    python benchmarks/gateway/endurance.py --work build/bench [--calls 200000] [--streams 2000]

Same configuration as run.py: a key with limits and a budget, two deployments, exact cache (every request differs).
The cache's size bound is 8 MB here, so that a cache that fills up is not taken for a leak.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from run import PATH, Target, body_text, build, cpu_seconds, memory_mb, pilothouse, process_tree, running, start

STEP = 25_000


def drive(target: Target, work: Path, stream: bool, *arguments: str) -> dict[str, object]:
    body = work / f"body-{stream}.json"
    body.write_text(body_text(stream, f"{time.time_ns():020}"))
    command = [str(build("loadgen", work)), "-p", str(target.port), "-P", PATH, "-b", str(body), "-V", "1", "-r", "0"]
    command += ["-m", "DONE" if stream else "quick", *arguments]
    for header in target.headers:
        command += ["-H", header]
    done = subprocess.run(["taskset", "-c", "0", *command], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def handles(pid: int) -> int:
    return sum(len(list(Path(f"/proc/{process}/fd").iterdir())) for process in process_tree(pid))


def calls(target: Target, work: Path, total: int) -> None:
    print("| calls | MB | file handles | CPU us per call |\n|---|---|---|---|")
    done = 0
    while done < total:
        before, count = cpu_seconds(target.pid), 0
        while count < STEP:
            count += int(drive(target, work, False, "-c", "32", "-d", "4", "-w", "0")["ok"])  # type: ignore[call-overload]
        done += count
        used = (cpu_seconds(target.pid) - before) / count * 1e6
        print(f"| {done:,} | {memory_mb(target.pid):.1f} | {handles(target.pid)} | {used:.0f} |", flush=True)


def streams(target: Target, work: Path, count: int) -> None:
    """The upstream sends 16 events, one a second, so that all streams are open at the same time."""
    before = memory_mb(target.pid)
    loads = subprocess.Popen(
        [sys.executable, __file__, "--drive", str(target.port), str(count), json.dumps(target.headers), str(work)],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    most, most_handles = 0.0, 0
    began, cpu = time.monotonic(), cpu_seconds(target.pid)
    while loads.poll() is None:
        most, most_handles = max(most, memory_mb(target.pid)), max(most_handles, handles(target.pid))
        time.sleep(1)
    result = json.loads(loads.stdout.read() if loads.stdout else "{}")
    took, cpu = time.monotonic() - began, cpu_seconds(target.pid) - cpu
    failed = result["errors"] + result["bad_status"]
    print(f"\n{count} streams at once: {result['ok']} whole, {failed} failed, in {took:.0f} s;")
    print(f"memory {before:.0f} -> {most:.0f} MB, at most {most_handles} file handles, {cpu:.1f} s of CPU,")
    print(f"{cpu / max(1, result['ok']) / 16 * 1e6:.0f} us of CPU per event")


def main() -> None:
    if sys.argv[1:2] == ["--drive"]:
        target = Target("", int(sys.argv[2]), None, {}, json.loads(sys.argv[4]))
        print(json.dumps(drive(target, Path(sys.argv[5]), True, "-c", sys.argv[3], "-d", "24", "-w", "0")))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("build/bench"))
    parser.add_argument("--calls", type=int, default=200_000)
    parser.add_argument("--streams", type=int, default=2000)
    parser.add_argument("--port", type=int, default=9300)
    args = parser.parse_args()
    args.work = args.work.resolve()
    args.work.mkdir(parents=True, exist_ok=True)
    args.gateway_cpu, args.load_cpu, args.warm = "1", "0", 1.0
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    for what, upstream, number in (("calls", "", args.calls), ("streams", "0 16 1000", args.streams)):
        if number == 0:
            continue
        with ExitStack() as stack:
            port = args.port + (0 if what == "calls" else 2)
            command = [str(build("mock_upstream", args.work)), str(port), *upstream.split()]
            stack.enter_context(running(command, {}, "0", args.work / "upstream.log"))
            time.sleep(0.3)
            target = pilothouse(args.work, f"http://127.0.0.1:{port}", port + 1, small_cache=True)
            start(target, stack, args)
            (calls if what == "calls" else streams)(target, args.work, number)


if __name__ == "__main__":
    main()
