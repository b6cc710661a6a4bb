"""Verdicts of a judge laid beside the labels of people, by criterion. Knows nothing of runs and of queues."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from pilothouse.cases import Verdict
from pilothouse.evals.cards.labels import HumanLabel
from pilothouse.evals.cards.ratings import FAIL, LOSS, PASS, TIE, WIN, Rating, Scale, settled
from pilothouse.stats.agreement import Label

__all__ = ["Judgement", "Matched", "match", "told_by"]

_PREFERENCES = (WIN, TIE, LOSS)


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict with what a card needs of its case: `lengths` and `models` as in Rating. `source` names the run, so
    that cases of several stay apart; `other` is what a pair was compared with."""

    case: str
    verdict: Verdict
    trial: int = 0
    source: str = ""
    lengths: tuple[int, ...] = ()
    models: tuple[str, ...] = ()
    other: str | None = None
    latency_s: float | None = None


class Matched(msgspec.Struct, frozen=True, kw_only=True):
    """What a judge and people said on one criterion."""

    scale: Scale
    ratings: tuple[Rating, ...]

    @property
    def labelled(self) -> int:
        return sum(bool(rating.votes) for rating in self.ratings)


def told_by(verdict: Verdict) -> dict[str, tuple[Scale, Label]]:
    """What a verdict says by criterion, "" the verdict as a whole: the levels of a rubric; pass or fail, else a label,
    else its score. Nothing for one that failed, and for a pair about which no judge was asked."""
    if verdict.status != "ok" or verdict.detail.get("orders") == []:
        return {}
    if "orders" in verdict.detail and verdict.label in _PREFERENCES:
        return {"": ("pairs", verdict.label)}
    found: dict[str, tuple[Scale, Label]] = {}
    scores = verdict.detail.get("scores")
    if isinstance(scores, Mapping):
        found |= {str(name): ("levels", level) for name, level in scores.items() if _is_level(level)}
    if verdict.passed is not None:
        found[""] = "labels", PASS if verdict.passed else FAIL
    elif verdict.label is not None:
        found[""] = "labels", verdict.label
    elif verdict.score is not None:
        found[""] = "labels", verdict.score
    return found


def match(
    judgements: Iterable[Judgement], labels: Mapping[str, Sequence[HumanLabel]] | None = None
) -> dict[str, Matched]:
    """By criterion what the judge was asked and what people said, `labels` by source.

    Labels whose criterion is the evaluator's name are of its verdict as a whole, unless it has such a criterion; of
    pairs all are. Where people gave levels to what is pass or fail, the level that the judge said takes its place (of
    G-Eval), else its score as the nearest of 1 to 5.
    """
    given = [one for one in judgements if one.verdict.status != "skipped" and one.verdict.detail.get("orders") != []]
    told = [told_by(one.verdict) for one in given]
    scales: dict[str, Scale] = {name: scale for one in told for name, (scale, _) in one.items()}
    votes, decided = _votes(labels or {}, given, scales)
    numbers = [vote for (_, _, _, criterion), some in votes.items() if criterion == "" for vote in some.values()]
    levels = scales.get("") == "labels" and bool(numbers) and all(_is_level(vote) for vote in numbers)
    if levels:
        scales[""] = "levels"
    return {
        name: Matched(scale=scale, ratings=tuple(
            _rating(one, _label(one.verdict, found, name, levels), votes, decided, name, scale)
            for one, found in zip(given, told, strict=True) if one.verdict.status == "failed" or name in found
        ))
        for name, scale in sorted(scales.items())
    }  # fmt: skip


def _label(verdict: Verdict, told: Mapping[str, tuple[Scale, Label]], name: str, levels: bool) -> Label | None:
    if name not in told:
        return None
    return _level(verdict) if levels and not name else told[name][1]


def _level(verdict: Verdict) -> Label | None:
    said = verdict.detail.get("said")
    if isinstance(said, int | float) and _is_level(said):
        return said
    return None if verdict.score is None else round(1 + 4 * verdict.score)


_Key = tuple[str, str, int, str]
_Votes = dict[_Key, dict[str, Label]]
_Decided = dict[_Key, Label]


def _votes(
    labels: Mapping[str, Sequence[HumanLabel]], judgements: Sequence[Judgement], scales: Mapping[str, Scale]
) -> tuple[_Votes, _Decided]:
    """The last label of each annotator by source, case, trial and criterion; who has no name counts each time. And
    what was decided where they did not agree."""
    names = {one.verdict.evaluator for one in judgements}
    others = {(one.source, one.case, one.trial): one.other for one in judgements}
    pairs = scales.get("") == "pairs"
    votes: _Votes = {}
    decided: _Decided = {}
    for source, some in labels.items():
        for place, label in enumerate(some):
            if label.other is not None and label.other != others.get((source, label.case, label.trial)):
                continue  # people compared it with something else
            whole = pairs or (label.criterion in names and label.criterion not in scales)
            key = source, label.case, label.trial, "" if whole else label.criterion
            if label.decided:
                decided[key] = label.label
            else:
                votes.setdefault(key, {})[label.annotator or f"#{place}"] = label.label
    return votes, decided


def _rating(
    one: Judgement, label: Label | None, votes: _Votes, decided: _Decided, criterion: str, scale: Scale
) -> Rating:
    key = one.source, one.case, one.trial, criterion
    found = tuple(vote for vote in votes.get(key, {}).values() if scale != "levels" or _is_level(vote))
    people = decided[key] if key in decided else settled(found, scale)
    detail = one.verdict.detail
    places = tuple(map(str, detail.get("orders") or ())) if scale == "pairs" else ()
    reasked = detail.get("reasked", 0)
    return Rating(
        item=f"{one.source}/{one.case}/{one.trial}", case=f"{one.source}/{one.case}",
        judge=label, people=people, votes=found, lengths=one.lengths, models=one.models, places=places,
        cost_nano=one.verdict.cost_nano, reasked=reasked if isinstance(reasked, int) else 0, latency_s=one.latency_s,
    )  # fmt: skip


def _is_level(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
