"""50 writers promote and roll back one prompt at once, in threads of two processes: one history, on both databases."""

import subprocess
import sys
from pathlib import Path

from pilothouse.access.audit import Audit
from pilothouse.prompts.registry import Prompts
from pilothouse.settings import Settings
from pilothouse.storage import Store

from .conftest import Make
from .writing_process import TURNS, VERSIONS, write

SCRIPT = Path(__file__).parent / "writing_process.py"
WRITERS = 50
P = "default"


def test_fifty_writers_leave_one_history(store: Store, settings: Settings, prompts: Prompts, make: Make) -> None:
    for number in range(VERSIONS):
        make("a", f"version {number + 1}")
    half = WRITERS // 2
    command = [sys.executable, str(SCRIPT), settings.control_url(), str(half), str(half)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        assert other.stdout.readline() == "ready\n"
        other.stdin.write("go\n")
        other.stdin.flush()
        told = write(prompts, 0, half)
        told += other.stdout.read().split()
    assert other.returncode == 0
    moves = prompts.history(P, "a", "production", limit=500)[::-1]
    versions = prompts.versions(P, "a", limit=500)[::-1]
    assert [version.number for version in versions] == [*range(1, len(versions) + 1)]
    made = [f"a@{version.number}" for version in versions[VERSIONS:]]
    assert len(made) > WRITERS // 10
    assert sorted(one for one in told if "@" in one) == sorted(made)  # each told to one writer
    assert {*told} == {*made, *(move.id for move in moves)}
    assert WRITERS // 2 < len(moves) <= WRITERS * TURNS
    assert len({move.actor for move in moves}) > WRITERS // 4
    assert [move.number for move in moves] == [*range(1, len(moves) + 1)]
    before = None
    for move in moves:
        assert move.before == (before and before.version)
        if move.kind == "promote":
            assert move.back == (before and before.number)
        else:
            assert before is not None
            assert before.back is not None
            there = moves[before.back - 1]
            assert (move.version, move.back) == (there.version, there.back)
        before = move
    assert prompts.labels(P, "a") == {"production": moves[-1]}
    assert prompts.get(P, "a").number == moves[-1].version
    entries = [entry for entry in Audit(store.control).list(P, limit=500) if entry.action != "prompt.create"]
    noted = {(entry.after or {})["number"]: (entry.action, entry.actor, entry.before) for entry in entries}
    assert len(entries) == len(noted) == len(moves)
    assert noted == {
        move.number: (f"prompt.{move.kind}", move.actor, {"label": "production", "version": move.before})
        for move in moves
    }  # fmt: skip
