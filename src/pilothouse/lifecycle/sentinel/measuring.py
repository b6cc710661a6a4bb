"""How strange a run is beside the reference runs of its deployment, by what the sentinel looks at.

Each figure is 0 where nothing differs and grows with the difference, in whatever direction. Plain functions.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean, median

import numpy as np

from pilothouse.lifecycle.sentinel.answers import Answer, Run, vector_of
from pilothouse.overlap.normalise import normalised
from pilothouse.refusals import refuses

__all__ = ["Reference", "new_models", "shown_figures", "strangeness"]

_EVALUATOR = "evaluator "


class Reference:
    """The runs that later ones are held against."""

    def __init__(self, runs: Sequence[Run]) -> None:
        self.runs = runs
        self.by_prompt: dict[str, list[Answer]] = {}
        for run in runs:
            for key, answer in run.answered.items():
                self.by_prompt.setdefault(key, []).append(answer)
        answers = [answer for several in self.by_prompt.values() for answer in several]
        self.fingerprints = {answer.fingerprint for answer in answers}
        self.models = {answer.model for answer in answers}
        self.refusals = _share(refuses(answer.text) is not None for answer in answers)
        self.seconds = median([answer.seconds for answer in answers] or [0.0])
        self.scores = _means(answers)


def strangeness(run: Run, reference: Reference) -> dict[str, float]:
    """The figures of a run by name; those that cannot be told are left out:

    agreement    the share of the reference answers to the same prompt that say something else, but for case, spaces
                 and punctuation, as a mean over the prompts
    meaning      one minus the cosine with those, in the mean; where the encoder is there
    length       the logarithm of the ratio of the lengths, either way
    refusals     how far the share of refusals is from theirs
    fingerprint  the share of answers with a `system_fingerprint` that is none of theirs
    latency      the logarithm of the ratio of the median times, either way
    evaluator N  how far the mean score of an evaluator is from theirs
    """
    pairs = [(one, reference.by_prompt[key]) for key, one in run.answered.items() if key in reference.by_prompt]
    if not pairs:
        return {}
    mine = [one for one, _ in pairs]
    figures = {
        "agreement": fmean(_disagreement(one, others) for one, others in pairs),
        "length": fmean(_length(one, others) for one, others in pairs),
        "refusals": abs(_share(refuses(one.text) is not None for one in mine) - reference.refusals),
        "fingerprint": _share(one.fingerprint not in reference.fingerprints for one in mine),
        "latency": abs(math.log((median(one.seconds for one in mine) + 1e-3) / (reference.seconds + 1e-3))),
    }
    apart = [distance for one, others in pairs if (distance := _meaning(one, others)) is not None]
    if apart:
        figures["meaning"] = fmean(apart)
    for name, mean in _means(mine).items():
        if name in reference.scores:
            figures[f"{_EVALUATOR}{name}"] = abs(mean - reference.scores[name])
    return figures


def shown_figures(run: Run) -> dict[str, float | None]:
    """What people want to know of a run: characters of an answer in the mean, the share of refusals, the median time in
    seconds, and the mean of each evaluator."""
    answers = list(run.answered.values())
    if not answers:
        return {}
    told: dict[str, float | None] = {
        "characters": fmean(len(one.text) for one in answers),
        "refusals": _share(refuses(one.text) is not None for one in answers),
        "seconds": median(one.seconds for one in answers),
    }
    return told | {f"{_EVALUATOR}{name}": mean for name, mean in _means(answers).items()}


def new_models(run: Run, known: Iterable[str | None]) -> set[str]:
    """The names under which the answers came, where none of them is one that was there before."""
    names, there = {one.model for one in run.answered.values()}, set(known)
    return {name for name in names if name} if names and there and not names & there and None not in names else set()


def _disagreement(one: Answer, others: Sequence[Answer]) -> float:
    said = _plain(one.text)
    return _share(_plain(other.text) != said for other in others)


def _plain(text: str) -> str:
    return normalised(text, numbers=False) or text.strip()


def _length(one: Answer, others: Sequence[Answer]) -> float:
    usual = median(len(other.text) for other in others)
    return abs(math.log((len(one.text) + 1) / (usual + 1)))


def _meaning(one: Answer, others: Sequence[Answer]) -> float | None:
    there = [other.vector for other in others if other.vector is not None]
    if one.vector is None or not there:
        return None
    mine = vector_of(one.vector)
    cosines = [1.0 if packed == one.vector else float(np.dot(mine, vector_of(packed))) for packed in there]
    return max(0.0, 1.0 - fmean(cosines))


def _means(answers: Sequence[Answer]) -> Mapping[str, float]:
    names = dict.fromkeys(name for one in answers for name in one.scores)
    return {name: fmean(one.scores[name] for one in answers if name in one.scores) for name in names}


def _share(flags: Iterable[bool]) -> float:
    given = list(flags)
    return sum(given) / len(given) if given else 0.0
