"""Another process: answers each line that it reads with how often a topic's callback ran.

`check` checks first, `wait N` waits until the callback has run at least N times.
"""

import sys
import threading

from pilothouse.storage.changes import Changes
from pilothouse.storage.database import open_engine


def main(url: str) -> None:
    engine = open_engine(url)
    changes = Changes(engine)
    calls = 0
    called = threading.Condition()

    def callback() -> None:
        nonlocal calls
        with called:
            calls += 1
            called.notify_all()

    changes.on("keys", callback)
    for line in sys.stdin:
        _, _, wanted = line.partition(" ")
        changes.check()
        with called:
            while calls < int(wanted or 0):
                called.wait(30)
        print(calls, flush=True)
    changes.close()


main(sys.argv[1])
