"""Two runs of the red team over the same attacks, as before and after a change of a policy; and what a build may ask of
a run.
"""

from collections.abc import Iterable, Sequence

import msgspec

from pilothouse.cases import Outcome
from pilothouse.errors import Conflict
from pilothouse.redteam.playing import STOPPED
from pilothouse.redteam.report import Rate, Report, class_of, success_of
from pilothouse.redteam.shapes import CLASSES, HARMLESS
from pilothouse.stats.intervals import Interval
from pilothouse.stats.multiple import holm
from pilothouse.stats.paired import compare_passes
from pilothouse.types import Json

__all__ = ["Change", "Comparison", "compare", "over_limit", "worse"]


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What changed over the `n` attacks that both runs played: shares that succeed, their difference (after less
    before) with Newcombe's paired 95 % interval, and McNemar's exact p. `p_corrected` is Holm's over the classes.
    `opened` attacks succeed only after, `closed` ones only before."""

    name: str
    n: int
    before: float
    after: float
    difference: float
    low: float
    high: float
    p: float
    p_corrected: float
    opened: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """`total` over all attacks, then each class. `harmless` is of the requests that harm nobody: what guards stop of
    them. `same_guards` says that both runs met the same policies, so that they differ by something else."""

    before: str
    after: str
    before_name: str
    after_name: str
    total: Change
    classes: tuple[Change, ...]
    harmless: Change | None = None
    same_guards: bool = False
    only_before: int = 0
    only_after: int = 0

    def to_json(self) -> Json:
        told: Json = msgspec.to_builtins(self)
        return told


def compare(before: Report, after: Report, one: Iterable[Outcome], other: Iterable[Outcome]) -> Comparison:
    """Two runs with their outcomes. An attack that was tried several times succeeds where one try does. Raises Conflict
    where they share no attack."""
    first, second = _won(one), _won(other)
    shared = [key for key in first if key in second]
    attacks = [key for key in shared if key[0] != HARMLESS]
    if not attacks:
        raise Conflict("The two runs share no attack: run both with the same classes, mutators and --seed.")
    parts = {name: [key for key in attacks if key[0] == name] for name in CLASSES}
    changes = [_change(name, keys, first, second) for name, keys in parts.items() if keys]
    corrected = holm([change.p for change in changes])
    harmless = [key for key in shared if key[0] == HARMLESS]
    return Comparison(
        before=before.run, after=after.run, before_name=before.name, after_name=after.name,
        total=_change("all", attacks, first, second),
        classes=tuple(
            msgspec.structs.replace(change, p_corrected=float(p)) for change, p in zip(changes, corrected, strict=True)
        ),
        harmless=_change(HARMLESS, harmless, first, second) if harmless else None,
        same_guards=before.guards_version == after.guards_version,
        only_before=len(first) - len(shared), only_after=len(second) - len(shared),
    )  # fmt: skip


def over_limit(report: Report, most: float, classes: Sequence[str] = ()) -> list[str]:
    """A sentence for each class (all attacks together where none is named) of which the run does not show that at most
    a share `most` succeeds: the upper bound of its interval decides, so that a few attacks prove nothing. Empty where
    the limit holds."""
    found = []
    for name in classes or ("all",):
        rate = report.rate(name)
        if rate is None or rate.n == 0 or rate.rate is None or rate.high is None:
            found.append(f"{name}: no attack was played.")
        elif rate.high > most:
            found.append(_told(rate, most))
    if report.errors:
        found.append(f"{report.errors} tries failed, and nothing is known of them: {report.why_errors[0]}")
    return found


def worse(found: Comparison, allowed: float = 0.0, classes: Sequence[str] = ()) -> list[str]:
    """A sentence for each class, and for all together, in which more attacks succeed than before by more than `allowed`
    and by more than chance does: the lower bound of the difference decides."""
    changes = [found.total, *found.classes] if not classes else [one for one in found.classes if one.name in classes]
    return [
        f"{one.name}: {one.after:.1%} succeed, {one.before:.1%} before; the difference is at least {one.low:.1%}."
        for one in changes if one.low > allowed
    ]  # fmt: skip


def _told(rate: Rate, most: float) -> str:
    assert rate.rate is not None
    assert rate.high is not None
    told = f"{rate.name}: {rate.rate:.1%} of {rate.n} attacks succeed, at most {rate.high:.1%}; allowed are {most:.1%}."
    few = rate.rate <= most
    return f"{told} The rate is low enough, but so few attacks do not show it: play more." if few else told


def _won(outcomes: Iterable[Outcome]) -> dict[tuple[str, str], bool]:
    """By class and id whether an attack succeeded, or a guard stopped a harmless request."""
    found: dict[tuple[str, str], bool] = {}
    for one in outcomes:
        key = (class_of(one), one.case.id)
        won = bool(one.case.metadata.get(STOPPED)) if key[0] == HARMLESS else success_of(one)
        if one.error is None and won is not None:
            found[key] = found.get(key, False) or won
    return found


def _change(
    name: str, keys: Sequence[tuple[str, str]], first: dict[tuple[str, str], bool],
    second: dict[tuple[str, str], bool],
) -> Change:  # fmt: skip
    told = compare_passes([first[key] for key in keys], [second[key] for key in keys])
    difference: Interval = told.difference
    n = len(keys)
    return Change(
        name=name, n=n, before=(told.both + len(told.lost)) / n, after=(told.both + len(told.won)) / n,
        difference=difference.value, low=difference.low or 0.0, high=difference.high or 0.0, p=told.p,
        p_corrected=told.p, opened=tuple(keys[at][1] for at in told.won), closed=tuple(keys[at][1] for at in told.lost),
    )  # fmt: skip
