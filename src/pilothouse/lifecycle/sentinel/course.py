"""How a deployment went, run after run: learning what is usual, watching, and what was found. A value, without clock or
database.

The first third of the baseline are the reference that answers are held against; how far the rest of it strays is what
later runs are ranked among (stats.detecting).
"""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Literal

import msgspec

from pilothouse.lifecycle.sentinel.answers import Run
from pilothouse.lifecycle.sentinel.measuring import Reference, new_models, strangeness
from pilothouse.stats.detecting import Evidence, combined, evidence

__all__ = ["Change", "Course", "Difference", "Example", "Status", "examples_of", "references_of", "take"]

Status = Literal["learning", "watching", "changed"]

_MOST = 2000  # runs whose figures are kept
_EXAMPLES = 5
_SHOWN = 600  # characters
_BACK = 3  # ordinary runs in a row after which a change is taken back
_ORDINARY = 0.9  # of the runs before the change lie below


class Difference(msgspec.Struct, kw_only=True):
    """A figure (measuring.strangeness) in the mean of the runs before and since, and its own evidence."""

    figure: str
    before: float
    since: float
    evidence: float


class Example(msgspec.Struct, kw_only=True):
    """What was answered to a prompt, before and now."""

    prompt: str
    before: str
    now: str


class Change(msgspec.Struct, kw_only=True):
    """What was found, by the run that began at `found_us`: since which run, and what differs, the most telling first.
    `models` and `fingerprints` are those before and now, where they are others."""

    since_us: int
    found_us: int
    evidence: float
    differences: list[Difference] = []
    models: list[list[str]] = []
    fingerprints: list[list[str]] = []


class Course(msgspec.Struct, kw_only=True):
    """Where a deployment stands. `figures` are those of the runs after the reference, `at_us` when they began;
    `reference` is when the reference runs did. `floor` counts the figures that no change is looked for in any more."""

    reference: list[int] = []
    at_us: list[int] = []
    figures: list[dict[str, float]] = []
    floor: int = 0
    evidence: float = 0.0
    models: list[str] = []
    change: Change | None = None
    alert_id: str | None = None
    error: str | None = None

    @property
    def runs(self) -> int:
        return len(self.reference) + len(self.figures)


def references_of(baseline: int) -> int:
    """How many runs of a baseline are the reference."""
    return max(3, baseline // 3)


def take(
    course: Course, run: Run, references: Sequence[Run], baseline: int, watch: Sequence[str], limit: float
) -> Status:
    """Go on with another run, and say where that leads. `references` are the runs of `course.reference`."""
    wanted = references_of(baseline)
    if len(course.reference) < wanted:
        course.reference.append(run.at_us)
        _note_models(course, run)
        return "learning"
    reference = Reference(references)
    figures = strangeness(run, reference)
    course.at_us.append(run.at_us)
    course.figures.append(figures)
    learnt = baseline - wanted
    if len(course.figures) > _MOST:
        del course.at_us[learnt], course.figures[learnt]
        course.floor = max(0, course.floor - 1)
    if course.change is not None:
        if not _is_back(course, run, learnt):
            return "changed"
        _take_back(course, course.change)
        return "watching"
    if len(course.figures) <= learnt:
        _note_models(course, run)
        return "learning"
    found = _found(course, max(learnt, course.floor), watch)
    told = combined(list(found.values()))
    course.evidence = told.total
    renamed = new_models(run, course.models)
    if told.total < limit and not renamed:
        _note_models(course, run)
        return "watching"
    first = len(course.figures) - 1 if told.since is None or renamed else told.since
    course.change = _change(course, run, reference, found, first, renamed)
    return "changed"


def _found(course: Course, learnt: int, watch: Sequence[str]) -> dict[str, Evidence]:
    """The evidence of each figure that is watched and was told in most of the baseline."""
    names = dict.fromkeys(name for figures in course.figures[:learnt] for name in figures)
    found = {}
    for name in names:
        if name not in watch and not (name.startswith("evaluator ") and "evaluators" in watch):
            continue
        places = [i for i, figures in enumerate(course.figures) if name in figures]
        before = sum(i < learnt for i in places)
        if before < 2:
            continue
        one = evidence([course.figures[i][name] for i in places], before)
        found[name] = Evidence(one.total, None if one.since is None else places[one.since])
    return found


def _change(
    course: Course, run: Run, reference: Reference, found: Mapping[str, Evidence], first: int, renamed: set[str]
) -> Change:
    figures = course.figures
    names = dict.fromkeys(name for one in (*figures[:first], *figures[first:]) for name in one)
    differences = []
    for name in names:
        before = [one[name] for one in figures[:first] if name in one]
        since = [one[name] for one in figures[first:] if name in one]
        if before and since:
            told = found[name].total if name in found else 0.0
            differences.append(Difference(figure=name, before=fmean(before), since=fmean(since), evidence=told))
    differences.sort(key=lambda one: -one.evidence)
    now = {one.fingerprint for one in run.answered.values()}
    prints = [sorted(filter(None, reference.fingerprints)), sorted(filter(None, now))]
    return Change(
        since_us=course.at_us[first], found_us=run.at_us, evidence=course.evidence, differences=differences,
        models=[sorted(course.models), sorted(renamed)] if renamed else [],
        fingerprints=prints if now - reference.fingerprints else [],
    )  # fmt: skip


def examples_of(run: Run, references: Sequence[Run]) -> list[Example]:
    """Of the prompts whose answers differ most from those of the reference runs, the last of these and that of now."""
    reference = Reference(references)
    apart = {}
    for key, answer in run.answered.items():
        others = reference.by_prompt.get(key)
        if others and all(other.text != answer.text for other in others):
            alone = strangeness(Run(at_us=0, answers={key: answer}), reference)
            apart[key] = alone.get("meaning", 0.0) + alone["agreement"]
    chosen = sorted(apart, key=lambda key: (-apart[key], key))[:_EXAMPLES]
    return [
        Example(prompt=key, before=reference.by_prompt[key][-1].text[:_SHOWN], now=run.answers[key].text[:_SHOWN])
        for key in chosen
    ]


def _is_back(course: Course, run: Run, learnt: int) -> bool:
    """Whether the newest runs are as ordinary as those of the baseline, in every figure, under the names of before."""
    assert course.change is not None
    if len(course.at_us) < _BACK or course.at_us[-_BACK] <= course.change.found_us or new_models(run, course.models):
        return False
    for name in dict.fromkeys(name for figures in course.figures[:learnt] for name in figures if name != "latency"):
        usual = sorted(figures[name] for figures in course.figures[:learnt] if name in figures)
        if not usual:
            continue
        most = usual[min(len(usual) - 1, int(_ORDINARY * len(usual)))]
        if any(figures.get(name, 0.0) > most + 1e-12 for figures in course.figures[-_BACK:]):
            return False
    return True


def _take_back(course: Course, change: Change) -> None:
    """The runs of the change are none of the ordinary ones; what comes from now on is looked at."""
    first = next(i for i, at in enumerate(course.at_us) if at >= change.since_us)
    del course.at_us[first:-_BACK], course.figures[first:-_BACK]
    course.change, course.floor, course.evidence = None, len(course.figures), 0.0


def _note_models(course: Course, run: Run) -> None:
    names = {answer.model for answer in run.answered.values() if answer.model}
    course.models = sorted({*course.models, *names})
