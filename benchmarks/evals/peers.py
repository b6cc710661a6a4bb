"""Evaluators beside those of deepeval and ragas, as a user calls them: CPU per case, and what a process pays first.

    python -m venv VENV && VENV/bin/pip install deepeval==4.3.1 rouge-score msgspec
    PYTHONPATH=src VENV/bin/python benchmarks/evals/peers.py

    python -m venv VENV && VENV/bin/pip install ragas==0.4.3 langchain-community==0.3.31 rouge-score sacrebleu msgspec
    PYTHONPATH=src VENV/bin/python benchmarks/evals/peers.py

Ours alone is measured by the same script in an environment with Pilothouse. Whatever is installed is measured; the two
peers are best kept apart. Times are CPU of one core, medians of seven rounds. What a process pays first is a fresh
Python that imports a package and judges one case by a rule, seven times: CPU, modules, memory, what it left in an empty
home, and each attempt to reach a network, seen by an audit hook (PEP 578) whether or not the network lets it through.
"""

import importlib.metadata
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
SIZES = {25: 40, 100: 20, 1000: 3}  # words: cases
SEED, ROUNDS = 1, 7

Score = Callable[[str, str], float]

PROGRAMS = {
    "pilothouse": """
import asyncio
from pilothouse.evals.registry import Evaluators
from pilothouse.evals.shapes import Case, Models
from pilothouse.testing.record import new_call
case = Case(id="1", input="What?", output="Paris", expected="Paris")
assert asyncio.run(Evaluators().from_config("exact").evaluate(case, Models(make_call=new_call))).passed
""",
    "deepeval": """
from deepeval.metrics import ExactMatchMetric
from deepeval.test_case import LLMTestCase
case = LLMTestCase(input="What?", actual_output="Paris", expected_output="Paris")
assert ExactMatchMetric().measure(case) == 1
""",
    "deepeval, evaluate()": """
from deepeval import evaluate
from deepeval.metrics import ExactMatchMetric
from deepeval.test_case import LLMTestCase
evaluate([LLMTestCase(input="What?", actual_output="Paris", expected_output="Paris")], [ExactMatchMetric()])
""",
    "ragas": """
import asyncio
from ragas.metrics.collections import ExactMatch
assert asyncio.run(ExactMatch().ascore(reference="Paris", response="Paris")).value == 1
""",
}
WATCH = """
import os, sys
def watch(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
        place = arguments[1] if event == "socket.connect" else arguments[0]
        with open(os.environ["REACHED"], "a") as file:
            file.write(f"{event} {place}\\n")
sys.addaudithook(watch)
"""
COUNT = """
import resource
print("FIRST", len(sys.modules), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def pairs(words: int, number: int) -> list[tuple[str, str]]:
    source = random.Random(SEED)
    text = " ".join(page.read_text() for page in sorted(DOCS.rglob("*.md"))).split()
    found = []
    for _ in range(number):
        start = source.randrange(len(text) - words)
        reference = text[start : start + words]
        hypothesis = [word if source.random() < 0.8 else source.choice(text) for word in reference]
        found.append((" ".join(hypothesis), " ".join(reference)))
    return found


def ours(name: str, **options: object) -> Score:
    from pilothouse.evals.registry import Evaluators
    from pilothouse.evals.rules.matching import ExactMatch
    from pilothouse.evals.shapes import Case, Models
    from pilothouse.evals.text.overlapping import Bleu, Rouge
    from pilothouse.plugins import Registry
    from pilothouse.testing.record import new_call

    kinds = {"rouge": Rouge, "bleu": Bleu, "exact": ExactMatch}
    evaluator = Evaluators(Registry("none", kinds)).from_config(name, options)
    models = Models(make_call=new_call)

    def score(hypothesis: str, reference: str) -> float:
        case = Case(id="1", input="?", output=hypothesis, expected=reference)
        return _now(evaluator.evaluate(case, models)).score

    return score


def rows() -> list[tuple[str, str, Score, Score]]:
    stemmed = ours("rouge", kind="rougeL", stemming=True)
    found: list[tuple[str, str, Score, Score]] = []
    if find_spec("ragas"):
        from ragas.metrics.collections import BleuScore, ExactMatch, RougeScore

        def ragas(metric: object) -> Score:
            return lambda h, r: _now(metric.ascore(reference=r, response=h)).value

        found.append(("exact match", "ragas", ours("exact"), ragas(ExactMatch())))
        found.append(("ROUGE-L, stemmed", "ragas", stemmed, ragas(RougeScore(rouge_type="rougeL"))))
        found.append(("BLEU (ragas: of sentences as a corpus)", "ragas", ours("bleu"), ragas(BleuScore())))
    if find_spec("deepeval"):
        from deepeval.metrics import ExactMatchMetric
        from deepeval.scorer import Scorer
        from deepeval.test_case import LLMTestCase

        metric = ExactMatchMetric()

        def exact(hypothesis: str, reference: str) -> float:
            case = LLMTestCase(input="?", actual_output=hypothesis, expected_output=reference)
            return metric.measure(case, _show_indicator=False)

        rouge = lambda h, r: Scorer.rouge_score(r, h, "rougeL")  # noqa: E731
        found.append(("exact match", "deepeval", ours("exact"), exact))
        found.append(("ROUGE-L, stemmed", "deepeval", stemmed, rouge))
    return found


def _now(coroutine: object) -> object:
    """The result of a coroutine that waits for nothing, without a loop's cost on either side."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("it waited for something")


def microseconds(score: Score, given: list[tuple[str, str]]) -> float:
    """The median over rounds of the CPU time of a call."""
    times = []
    for _ in range(ROUNDS):
        started = time.process_time_ns()
        for pair in given:
            score(*pair)
        times.append((time.process_time_ns() - started) / len(given) / 1000)
    return statistics.median(times)


def packages(name: str) -> int:
    """How many distributions an installation of this one has, itself included, by their metadata."""
    from pip._vendor.packaging.requirements import Requirement

    seen, waiting = set(), [(name, frozenset())]
    while waiting:
        current, extras = waiting.pop()
        key = current.lower().replace("_", "-")
        if (key, extras) in seen:
            continue
        try:
            wanted = importlib.metadata.requires(current) or []
        except importlib.metadata.PackageNotFoundError:
            continue
        seen.add((key, extras))
        for line in wanted:
            one = Requirement(line)
            if one.marker is None or any(one.marker.evaluate({"extra": extra}) for extra in (*extras, "")):
                waiting.append((one.name, frozenset(one.extras)))
    return len({key for key, _ in seen})


def first(name: str) -> None:
    """What a process pays first."""
    cpu, told, reached, left = [], [], set(), set()
    for number in range(ROUNDS + 1):
        with tempfile.TemporaryDirectory() as home:
            (Path(home) / "work").mkdir()
            env = {**os.environ, "HOME": home, "REACHED": str(Path(home) / "reached")}
            del env["DEEPEVAL_TELEMETRY_OPT_OUT"], env["RAGAS_DO_NOT_TRACK"]  # as they are installed
            env.pop("PYTHONDONTWRITEBYTECODE", None)  # a user's Python keeps its bytecode
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            program = f"{WATCH}{PROGRAMS[name]}{COUNT}"
            done = subprocess.run(
                [sys.executable, "-c", program],
                env=env,
                cwd=f"{home}/work",
                capture_output=True,
                text=True,
                timeout=120,
            )
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            if done.returncode != 0:
                print(f"| {name} | failed: {done.stderr.strip().splitlines()[-1]} |")
                return
            if number == 0:
                continue  # it wrote the bytecode
            cpu.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
            told.append(next(line.split()[1:] for line in done.stdout.splitlines() if line.startswith("FIRST")))
            if (Path(home) / "reached").exists():
                reached |= set((Path(home) / "reached").read_text().splitlines())
            kept = [path for path in Path(home).rglob("*") if path.is_file() and path.name != "reached"]
            left |= {str(path.relative_to(home)) for path in kept}
    modules, memory = (statistics.median(int(one[at]) for one in told) for at in (0, 1))
    package = name.partition(",")[0]
    print(
        f"| {name} | {packages(package)} | {statistics.median(cpu):.2f} s | {modules:.0f} | {memory:.0f} MB |"
        f" {'; '.join(sorted(reached)) or 'none'} | {', '.join(sorted(left)) or 'nothing'} |"
    )


def main() -> None:
    os.environ |= {"DEEPEVAL_TELEMETRY_OPT_OUT": "1", "RAGAS_DO_NOT_TRACK": "true"}  # while evaluators are timed
    sets = {size: pairs(size, number) for size, number in SIZES.items()} if rows() else {}
    print("| us of CPU per case | peer |", " | ".join(f"{size:,} words: ours | peer | ratio" for size in SIZES), "|")
    print("|---|---|" + "---|" * 3 * len(SIZES))
    for name, peer, mine, theirs in rows():
        cells = []
        for given in sets.values():
            if "BLEU" not in name:
                assert all(abs(mine(*pair) - theirs(*pair)) < 1e-6 for pair in given), name
            one, other = microseconds(mine, given), microseconds(theirs, given)
            cells.append(f"{one:,.0f} | {other:,.0f} | {other / one:.1f}")
        print(f"| {name} | {peer} |", " | ".join(cells), "|", flush=True)
    print("\n| | packages | CPU of the first verdict | modules | memory | reached for | left behind |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for name in PROGRAMS:
        if packages(name.partition(",")[0]):
            first(name)


if __name__ == "__main__":
    main()
