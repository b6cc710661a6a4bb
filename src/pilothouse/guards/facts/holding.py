"""The claims of an answer held against the passages of its conversation, once for every guard that asks how."""

from typing import NamedTuple

from pilothouse.guarded import GuardResult
from pilothouse.guards.facts.claims import Claim, claims
from pilothouse.guards.facts.evidence import Carried, Kept
from pilothouse.protocols import Encode, Subject

__all__ = ["Held", "held"]

_MOST_CLAIMS = 200


class Held(NamedTuple):
    """What an answer claims, and how far each is carried, in its order; both empty where it claims nothing."""

    claims: list[Claim]
    carried: list[Carried]
    encode: Encode


async def held(guard: str, subject: Subject, kept: Kept, *, purpose: str = "to compare with") -> Held | GuardResult:
    """The claims of a subject, or the result of the guard of this name where it cannot look. `purpose` is what it needs
    passages for. Raises what the encoder raises."""
    about = subject.conversation
    if not about.passages or not (evidence := kept.of(subject)):
        return GuardResult.skipped(guard, f"There are no passages {purpose}.")
    if about.models is None or about.models.encode is None:
        return GuardResult.skipped(guard, "There is no encoder.")
    said = subject.once(_claims)
    if len(said) > _MOST_CLAIMS:
        return GuardResult.failed(guard, f"There are {len(said)} claims; {_MOST_CLAIMS} can be looked at.")
    encode = about.models.encode
    carried = await evidence.carries([one.text for one in said], about.question, encode) if said else []
    return Held(said, carried, encode)


def _claims(subject: Subject) -> list[Claim]:
    return claims(subject.text)
