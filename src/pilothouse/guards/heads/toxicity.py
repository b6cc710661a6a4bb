"""Hate, insults and threats: by a learned head, and by a short list of what is said to people in them."""

import re
from dataclasses import dataclass
from typing import ClassVar

from msgspec import structs

from pilothouse.guarded import Finding, GuardResult
from pilothouse.guards.heads.learned import Learned
from pilothouse.guards.heads.vectors import vectors_of
from pilothouse.protocols import Subject

__all__ = ["Toxicity"]

_SURE = 0.95
"""The score of what the list holds."""
_SAID = (
    "kill yourself", "kys", "go and die", "go die", "die in a fire", "drop dead", "neck yourself", "drink bleach",
    "hope you die", "hope you get cancer", "should be shot", "should be hanged", "should be gassed", "should all die",
    "i will kill you", "i'll kill you", "i will find you", "i'll find you", "i will hurt you", "i'll hurt you",
    "i will break your", "i'll break your", "watch your back", "fuck you", "fuck off", "shut the fuck up", "stfu",
    "go to hell", "piece of shit", "waste of oxygen", "waste of space", "nobody would miss you", "subhuman",
    "subhumans", "go back to where you came from", "go back to your country",
)  # fmt: skip
_CALLED = (
    "idiot", "moron", "imbecile", "dumbass", "asshole", "arsehole", "bastard", "bitch", "cunt", "dickhead", "prick",
    "scum", "scumbag", "trash", "garbage", "filth", "vermin", "retard", "whore", "slut", "pig", "loser", "coward",
    "parasite", "cockroach", "clown", "wanker", "twat", "disgrace", "monster", "freak", "pathetic", "disgusting",
    "worthless", "useless", "stupid", "dumb", "ugly", "brainless", "retarded",
)  # fmt: skip
_LISTED = re.compile(
    rf"(?<!\w)(?:{'|'.join(map(re.escape, _SAID))}"
    rf"|(?:you|u)(?:'re|re)?(?: (?:are|r|a|an|all|just|such|fucking|bloody|total|little|absolute|stupid|dirty)){{0,4}}"
    rf" (?:{'|'.join(_CALLED)})s?)(?!\w)",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True)
class Toxicity(Learned):
    """Triggers on hate, insults and threats: where a head over the encoder's vector says so, or a list of threats and
    of insults that are said to somebody's face (`listed: false` leaves it out). The list alone names nobody by what
    they are: the words of a group about itself are not in it."""

    shipped: ClassVar[str] = "toxicity"
    told: ClassVar[str] = "The text looks like hate, an insult or a threat"

    listed: bool = True
    name: str = "toxicity"

    async def check(self, subject: Subject) -> GuardResult:
        said = self.said(subject.text) if self.listed else ()
        read = await vectors_of(subject)
        result = self.judged(read)
        if not said:
            return result
        if result.status == "triggered":
            return structs.replace(result, score=max(_SURE, result.score or 0.0), findings=(*result.findings, *said))
        return GuardResult.triggered(
            self.name, "The text holds an insult or a threat that is on the list.", score=_SURE, findings=said
        )

    @staticmethod
    def said(text: str) -> tuple[Finding, ...]:
        """What the list finds in a text."""
        return tuple(Finding("toxicity", *one.span(), None, _SURE) for one in _LISTED.finditer(text))
