"""Another process: `count` writers, each in a thread, move a label of one prompt and make versions of it.

Prints the ids of the moves, and the versions, that they made.

Starts when a line comes in, so that both processes write at once.
"""

import sys
import threading
from random import Random

from pilothouse.access.audit import Actor
from pilothouse.errors import Conflict
from pilothouse.prompts.content import content_of
from pilothouse.prompts.registry import Prompts
from pilothouse.prompts.versions import Move
from pilothouse.storage.database import open_engine

__all__ = ["write"]

TURNS = 3
VERSIONS = 5


def write(prompts: Prompts, first: int, count: int) -> list[str]:
    """The ids of the moves, and the references of the versions, that these writers were told of; of moves also where it
    was another's that stood there already."""
    made: list[str] = []

    def writes(number: int) -> None:
        chance, by = Random(number), Actor(f"writer {number}", "api")
        for turn in range(TURNS):
            try:
                if chance.random() < 0.2:
                    content = content_of({"template": f"{by.name}, {turn}"})
                    made.append(prompts.create("default", "a", content, by=by).reference)
                    continue
                if chance.random() < 0.5:
                    done = prompts.promote("default", "a", chance.randint(1, VERSIONS), by=by)
                    assert isinstance(done, Move)
                else:
                    done = prompts.rollback("default", "a", by=by)
            except Conflict:
                continue  # there was nothing to return to
            made.append(done.id)

    threads = [threading.Thread(target=writes, args=(first + i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return made


if __name__ == "__main__":
    engine = open_engine(sys.argv[1])
    registry = Prompts(engine)
    registry.list("default")  # imported and connected
    print("ready", flush=True)
    sys.stdin.readline()
    print(*write(registry, int(sys.argv[2]), int(sys.argv[3])))
    engine.dispose()
