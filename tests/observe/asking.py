"""Questions of two topics, kept as a server would have found them."""

import numpy as np

from pilothouse.call import Recorder
from pilothouse.observe.arrival.ingest import Drainer
from pilothouse.observe.topics.kept import State, Topic, Topics
from pilothouse.observe.topics.questions import Questions
from pilothouse.storage import Store

from .making import full_span

HOUR_US = 3_600_000_000
HOSTILE = "<script>alert(1)</script>\u202e"
ASKED = {"refund": ("Refund, please", 30), "door": (f"Reset it {HOSTILE}", 10)}
CENTRES = np.eye(2, 8, dtype=np.float32)


def ask(store: Store, recorder: Recorder, drainer: Drainer, now: int, project: str = "default") -> list[Topic]:
    """40 questions, one an hour back from now on: three of refunds, then one of the door."""
    kinds = [name for _ in range(10) for name in ("refund", "refund", "refund", "door")]
    starts = [now - n * HOUR_US - 1 for n in range(40)]
    for n, (kind, start) in enumerate(zip(kinds, starts, strict=True)):
        asked = {"messages": [{"role": "user", "content": ASKED[kind][0]}]}
        recorder.record(full_span(trace_id=f"{project}-{n:02}", start_us=start, project_id=project, input=asked))
    drainer.flush()
    rows = [(f"{project}-{n:02}", start, CENTRES[0]) for n, start in enumerate(starts)]
    Questions(store).put(project, "m", rows)
    found = [
        Topic("refund", ("refund", "gift card"), 30, 0.5, 0.0, (f"{project}-00", f"{project}-01"), "m", CENTRES[0]),
        Topic("door", (HOSTILE,), 10, -0.5, 0.5, (f"{project}-03",), "m", CENTRES[1]),
    ]
    places = {f"{project}-{n:02}": (kind, n / 40, -n / 40) for n, kind in enumerate(kinds)}
    Topics(store).write(project, found, places, State(now, now, ""))
    return found
