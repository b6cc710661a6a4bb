"""What hostile templates cost until they are refused: `python benchmarks/prompts/hostile.py`. 20 seconds.

The payloads are those of tests/prompts/templates/test_attacks.py, and six texts of 4 MB kept at once, which is the most
that a budget of steps lets a template hold.
"""

import sys
import time
import tracemalloc
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.prompts.templates.test_attacks import INTO_PYTHON, OTHERS, TOO_MUCH, attempt

from pilothouse.errors import InvalidRequest

HELD = "".join(f"{{% set v{i} = '😀' * 4000000 %}}" for i in range(7))


def measured(template: str, syntax: str) -> tuple[float, float, str]:
    """Seconds of CPU, MB at the peak, and what was said."""
    said = "rendered"
    start = time.process_time()
    try:
        attempt(template, syntax)
    except InvalidRequest as error:
        said = error.message
    spent = time.process_time() - start
    tracemalloc.start()
    try:
        attempt(template, syntax)
    except InvalidRequest:
        said = said.strip()
    peak = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    return spent, peak, said


def main() -> None:
    """Print a table."""
    groups = {
        "ways into Python": [("jinja", text) for text in INTO_PYTHON],
        "endless work": [("jinja", text) for text in TOO_MUCH],
        "the other syntaxes": [(syntax, text) for syntax, texts in OTHERS.items() for text in texts],
        "the most memory": [("jinja", HELD)],
    }
    print("| templates | of them refused | most CPU of one | most memory of one |\n|---|---|---|---|")
    for name, payloads in groups.items():
        found = [measured(text, syntax) for syntax, text in payloads]
        refused = sum(said != "rendered" for *_, said in found)
        cpu, memory = max(one[0] for one in found), max(one[1] for one in found)
        print(f"| {name}: {len(found)} | {refused} | {cpu:.2f} s | {memory:.0f} MB |")


if __name__ == "__main__":
    main()
