"""A judge card and an estimate as lines for a terminal."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pilothouse.cli.options import shown_time
from pilothouse.observe.money import duration, usd

if TYPE_CHECKING:
    from pilothouse.evals.cards.estimating import Estimate
    from pilothouse.storage.evaluating.judge_cards import KeptCard
    from pilothouse.types import Json

__all__ = ["bounds", "card_row", "card_told", "estimate_told"]


def bounds(one: "Json | None", digits: int = 2) -> str:
    """A value with its interval: `0.48 (0.43 to 0.52)`; nothing where there is none."""
    if one is None or one["value"] is None:
        return ""
    told = f"{one['value']:.{digits}f}"
    if one["low"] is None or one["high"] is None:
        return f"{told} (no interval)"
    return f"{told} ({one['low']:.{digits}f} to {one['high']:.{digits}f})"


def card_row(card: "KeptCard") -> dict[str, Any]:
    """A line of a list."""
    body = _whole(card)
    return {
        "id": card.id, "judge": card.model or "(no model)", "evaluator": card.kind,
        "criterion": card.criterion or "(whole)", "labelled": card.labelled, "kappa": bounds(body["kappa"]),
        "flips": bounds(body["flips"]), "length": bounds((body["length"] or {}).get("difference")),
        "cost": _cost(body), "made": shown_time(card.made_us),
    }  # fmt: skip


def card_told(card: "KeptCard") -> Iterator[str]:
    """All of a card, a line for each thing that is known."""
    body = _whole(card)
    on = f"'{card.criterion}'" if card.criterion else "its verdict as a whole"
    yield f"{card.model or card.kind} by {card.kind} on {on}  ({card.id}, {shown_time(card.made_us)})"
    yield f"  items: {body['items']}, without a verdict {body['failed']}, asked again {body['reasked']}"
    split = f", {body['split']} of two minds" if body["split"] else ""
    of = f" of {body['cases']} cases" if 0 < body["cases"] < body["labelled"] else ""
    yield f"  labelled by people, too: {body['labelled']}{of} ({body['votes']} labels{split})"
    for name, what in (
        ("kappa", "kappa"), ("agreement", "agreement"), ("among_people", "people among themselves (alpha)"),
        ("always_longer", "a judge that takes the longer answer would agree"), ("flips", "position flips"),
        ("first", "of these to the first place"),
    ):  # fmt: skip
        if body[name] is not None:
            yield f"  {what}: {bounds(body[name]) or body[name].get('note') or 'not defined'}"
    yield from _leaning(body, "length", "the longer answer")
    yield from _leaning(body, "own", "answers of its own kind")
    yield f"  cost of a verdict: {_cost(body)}"
    if body["latency_s"]:
        median, slow = (duration(round(one * 1e6)) for one in body["latency_s"])
        yield f"  time: median {median}, 95th percentile {slow}"
    for note in body["notes"]:
        yield f"  {note}"


def estimate_told(found: "Estimate") -> Iterator[str]:
    """What people would say, and what it rests on."""
    told = found.to_json()
    yield f"by people, estimated: {bounds(told['together'], 3)}"
    yield f"  from {found.labelled} cases with labels, {found.judged} with a verdict alone; the verdict's weight is " \
          f"{found.weight:.2f}"  # fmt: skip
    yield f"  labels alone: {bounds(told['people'], 3)}"
    off = f"{abs(found.bias):.3f} too {'high' if found.bias > 0 else 'low'}" if found.bias else "not off"
    yield f"  verdicts alone: {found.judge:.3f}, {off} where both are known"
    if found.worth is not None:
        yield f"  labels alone would be as narrow with {found.worth} of them"
    if found.left_out:
        yield f"  {found.left_out} labelled cases have no verdict and are left out"
    yield from (f"  {note}" for note in found.notes)


def _whole(card: "KeptCard") -> "Json":
    """With all fields, also of a card that a version made which knew fewer."""
    from pilothouse.evals.cards.judges import card_of  # noqa: PLC0415 - numpy, and not for --help

    return card_of(card).to_json()


def _leaning(body: "Json", name: str, what: str) -> Iterator[str]:
    one = body[name]
    if one is None:
        return
    says = "wins, of the decided pairs" if body["scale"] == "pairs" else "is scored higher by"
    yield f"  {what} {says}: judge {bounds(one['judge'])}" + (
        f", people {bounds(one['people'])}" if one["people"] else ""
    )
    if one["difference"]:
        chance = f", p = {one['p']:.2g}" if one["p"] is not None else ""
        yield f"    judge less people: {bounds(one['difference'])}{chance}, {one['n']} items"


def _cost(body: "Json") -> str:
    if body["cost_nano"] is None:
        return "unknown"
    told = usd(round(body["cost_nano"]))
    return f"{told} and {body['unpriced']} of unknown price" if body["unpriced"] else told
