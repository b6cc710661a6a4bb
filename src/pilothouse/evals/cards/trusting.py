"""Whether a judge agrees with people enough to decide on a promotion. Knows nothing of gates and of databases.

What counts is the lower bound of kappa, not kappa itself: a judge whose true agreement is below what is asked for then
gets through in one of forty cases, however few labels there are. By the value itself every second one would that is
just below it, and ten labels could wave anything through. More labels raise the bound, so that the way out is plain.
"""

from collections.abc import Mapping, Sequence

from pilothouse.evals.cards.card import Card

__all__ = ["DEFAULT_AGREEMENT", "may_gate", "objection"]

DEFAULT_AGREEMENT = 0.4
"""The lower bound of kappa that a judge needs: Landis and Koch (1977, doi:10.2307/2529310) call less than that fair at
best."""

_REMEDY = "Label more items, choose another judge, or write 'unvalidated ok' behind the gate."


def may_gate(
    name: str, criteria: Sequence[str], cards: Mapping[str, Card], least: float = DEFAULT_AGREEMENT
) -> str | None:
    """None where the judge may gate, else why not, in a sentence. `name` is what the suite calls it, `cards` are its
    cards by criterion.

    The card of the verdict as a whole ("") speaks for it where people labelled that; else each of `criteria`, since a
    score is made of all of them.
    """
    if "" in cards and (cards[""].labelled or "" in criteria):
        return objection(name, cards[""], least)
    missing = [one for one in criteria if one not in cards]
    if not cards or missing:
        told = f" on {', '.join(map(repr, missing))}" if cards else ""
        return f"The judge of '{name}' has no card{told}: it was never held against people. {_REMEDY}"
    found = (objection(name, cards[one], least) for one in criteria or cards)
    return next((why for why in found if why is not None), None)


def objection(name: str, card: Card, least: float) -> str | None:
    """Why a judge with this card may not gate; None where it may."""
    on = f" on '{card.criterion}'" if card.criterion else ""
    who = f"The judge of '{name}' ({card.judge.model})"
    kappa = card.kappa
    if kappa is None or kappa.value is None or kappa.low is None:
        why = kappa.note if kappa is not None and kappa.note else "no item has both labels"
        return f"{who} cannot be held against people{on}: {why}. {_REMEDY}"
    if kappa.low < least:
        what = "cases" if kappa.n < card.labelled else "items"
        return (
            f"{who} agrees too little with people{on}: kappa {kappa.value + 0.0:.2f}, its lower bound "
            f"{round(kappa.low, 2) + 0.0:.2f} by {kappa.n} labelled {what}, and {least:g} is asked for. {_REMEDY}"
        )
    return None
