"""One process at a time, and a killed holder keeps nobody out."""

import subprocess
import sys
from pathlib import Path

from pilothouse.models.lock import locked

HOLD = """
import sys
from pathlib import Path
from pilothouse.models.lock import locked
with locked(Path(sys.argv[1]), on_wait=lambda: print("waiting", flush=True)):
    print("holding", flush=True)
    sys.stdin.readline()
"""


def holder(path: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def said(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_the_second_waits_for_the_first(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with locked(path):
        child = holder(path)
        assert said(child) == "waiting"
    assert said(child) == "holding"
    child.communicate("\n", timeout=30)
    assert child.returncode == 0


def test_a_killed_holder_lets_go(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    child = holder(path)
    assert said(child) == "holding"
    child.kill()
    child.communicate(timeout=30)
    with locked(path, on_wait=lambda: None):
        pass


def test_can_be_taken_again(tmp_path: Path) -> None:
    waits: list[str] = []
    for _ in range(2):
        with locked(tmp_path / "lock", on_wait=lambda: waits.append("waited")):
            assert (tmp_path / "lock").exists()
    assert waits == []
