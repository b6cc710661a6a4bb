"""One text by itself through the guards of a stage, as it would go in a call. Asks nobody but the guards."""

from collections.abc import Sequence
from dataclasses import dataclass

from pilothouse.guarding import Action, Stage
from pilothouse.guards.judging import GRAVITY, Judged, judge
from pilothouse.guards.policy import Placed
from pilothouse.guards.streaming import Outlet
from pilothouse.protocols import Conversation, Subject
from pilothouse.types import Json

__all__ = ["Checked", "check"]


@dataclass(frozen=True, slots=True)
class Checked:
    """What would be done: the gravest `action`, None where all passed or nobody looked. `text` is what may go on, with
    what was found replaced; of a text that is stopped the part before that place, at the stages but the output none of
    it."""

    action: Action | None
    text: str
    judged: tuple[Judged, ...]

    def to_json(self) -> Json:
        """For people and programs; `took_us` are microseconds of wall time."""
        return {"action": self.action, "text": self.text, "results": [_told(one) for one in self.judged]}


async def check(
    placed: Sequence[Placed], text: str, stage: Stage, conversation: Conversation, role: str = "user"
) -> Checked:
    """Have these guards look at a text. Raises nothing for any text."""
    if stage != "output":
        judgement = await judge(placed, Subject(text, stage, role, conversation))
        action = judgement.action
        left = "" if action in ("block", "fallback", "rephrase", "retry") else judgement.text
        return Checked(action, left, judgement.judged)
    outlet = Outlet(placed, conversation, role="assistant")
    left = await outlet.feed(text) + await outlet.end()
    acting = [one.action for one in outlet.judged if one.acts]
    return Checked(min(acting, key=GRAVITY.index, default=None), left, tuple(outlet.judged))


def _told(one: Judged) -> Json:
    result = one.result
    found = [
        {"kind": at.kind, "start": at.start, "end": at.end, "replacement": at.instead, "score": at.score}
        for at in result.findings
    ]
    return {
        "guard": result.guard, "policy": one.placed.policy, "status": result.status, "action": one.action,
        "score": result.score, "reason": result.reason, "correction": result.correction, "repaired": result.repaired,
        "findings": found, "detail": result.detail, "took_us": one.took_us,
    }  # fmt: skip
