"""A process that records spans until it is killed; it prints the id of each one whose recording has returned.

python recording_process.py HOME [DATABASE_URL]
"""

import sys
from pathlib import Path

from pilothouse.call import Call
from pilothouse.observe import Drainer, SpoolRecorder
from pilothouse.settings import Settings
from pilothouse.storage import Spool, open_store


def main(home: Path, database_url: str | None) -> None:
    settings = Settings(home=home, database_url=database_url)
    store = open_store(settings)
    spool = Spool.open(home, 1 << 30)
    drainer = Drainer(spool, store, home)
    drainer.start()
    recorder = SpoolRecorder(spool, drainer.wake)
    while True:
        call = Call(recorder)
        span = call.start("work", "llm")
        span.input = {"messages": [{"role": "user", "content": "x" * 500}]}
        call.finish(span)
        sys.stdout.write(f"{span.trace_id}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None)
