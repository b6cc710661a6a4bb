"""Another process that checks keys: answers `SECRET N` with the role of the key, or "refused".

Under Postgres it first waits until it has noticed N changes, its own start included; under SQLite it just checks.
"""

import sys
import threading

from pilothouse.access import Keys
from pilothouse.errors import Unauthenticated
from pilothouse.storage.changes import Changes
from pilothouse.storage.database import open_engine


def main(url: str) -> None:
    engine = open_engine(url)
    keys, changes, noticed = Keys(engine), Changes(engine), threading.Semaphore(0)
    keys.watch(changes)
    changes.on("keys", noticed.release)
    waited = 0
    for line in sys.stdin:
        secret, wanted = line.split()
        changes.check()
        while engine.dialect.name != "sqlite" and waited < int(wanted):
            noticed.acquire(timeout=30)
            waited += 1
        try:
            print(keys.authenticate(f"Bearer {secret}").role, flush=True)
        except Unauthenticated:
            print("refused", flush=True)
    changes.close()


main(sys.argv[1])
