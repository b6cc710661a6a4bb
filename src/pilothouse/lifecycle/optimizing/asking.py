"""What an optimisation may still spend, and one question to the model that writes proposals."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from pilothouse.call import Call, Progress, Recorder, Reservation, Span
from pilothouse.evals.runs.rooms import Rooms
from pilothouse.evals.runs.subject import Asking
from pilothouse.types import Json

__all__ = ["Purse", "Spent", "ask"]


class Spent(Exception):
    """No more may be asked; the message says why, in a sentence."""


@dataclass(slots=True)
class Purse:
    """Nano-USD that may be spent and were; `reserved` are kept for later. `known` until something had no price."""

    cap: int
    spent: int = 0
    reserved: int = 0
    known: bool = True

    def pay(self, nano: int | None) -> None:
        """Count what something cost."""
        self.known = self.known and nano is not None
        self.spent += nano or 0

    @property
    def left_usd(self) -> Decimal:
        """What is left. Raises Spent where that is nothing."""
        left = self.cap - self.spent - self.reserved
        if left <= 0:
            kept = f", and ${self.reserved / 1e9:.4f} are kept for the held-out cases" if self.reserved else ""
            raise Spent(f"${self.spent / 1e9:.4f} of ${self.cap / 1e9:g} (max_cost_usd) are spent{kept}.")
        return Decimal(left) / 1_000_000_000

    @property
    def usd(self) -> float | None:
        """What was spent; None where that is not known."""
        return self.spent / 1e9 if self.known else None


class _Counting:
    """A recorder that adds up what spans cost."""

    def __init__(self, recorder: Recorder, purse: Purse) -> None:
        self._recorder, self._purse = recorder, purse

    def record(self, record: Span | Reservation | Progress) -> None:
        if isinstance(record, Span) and record.kind == "llm":
            self._purse.pay(record.cost_nano or 0 if record.cost_known else None)  # a failed one may have none
        self._recorder.record(record)


async def ask(rooms: Rooms, project: str, purse: Purse, model: str, messages: Sequence[Json]) -> str:
    """What a model answers. Raises Spent, and what the gateway raises."""
    assert purse.left_usd > 0
    recorder = _Counting(rooms.recorder, purse)
    call = Call(recorder, rooms.principal, project_id=project, key_id=rooms.principal.key_id or None, endpoint="evals")
    return (await Asking(rooms.chat, call)(messages, model=model)).text
