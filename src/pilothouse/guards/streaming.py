"""One text that comes in pieces, on its way through the guards: what may leave leaves as soon as they have seen enough.

    ahead     guards that scan: a character leaves once it is settled, a few characters later
    window    guards that judge sentences: a window of some sentences leaves once it is judged
    whole     guards that must see all of it: nothing leaves before the end, unless they only take note

Where a text is cut never depends on the pieces it came in, and where it is stopped on nothing but the text: fed whole
or in pieces, the same leaves.
"""

import re
import time
from collections.abc import Sequence
from typing import NamedTuple

from msgspec import structs

from pilothouse.guarded import Finding
from pilothouse.guarding import Action, Stage
from pilothouse.guards.judging import GRAVITY, Judged, judge, replacing
from pilothouse.guards.policy import Placed
from pilothouse.guards.redacting import apart, redacted
from pilothouse.protocols import Conversation, ScanningGuard, Subject
from pilothouse.types import Json

__all__ = ["WINDOW", "Outlet"]

WINDOW = 600
"""Characters of the longest window; most end with a sentence before."""
_SHORTEST = 200
_END = re.compile(r"[.!?\n](?=\s)")
_NOTING: tuple[Action, ...] = ("flag", "shadow")


class _Stop(NamedTuple):
    """Nothing leaves from here on. The first place counts, of several guards there the gravest action."""

    at: int
    gravity: int
    judged: Judged


class Outlet:
    """Feed it the pieces and send on what it gives back; then `end` it. Once `stopped` is there nothing more leaves,
    and what it asks for is to be done. `judged` is what the guards said, complete after the end."""

    def __init__(
        self, placed: Sequence[Placed], conversation: Conversation, *, stage: Stage = "output", role: str = "assistant",
        schema: Json | None = None, hold_all: bool = False,
    ) -> None:  # fmt: skip
        self._conversation, self._stage, self._role, self._schema = conversation, stage, role, schema
        self._scans = [_Scanning(one, conversation) for one in placed if one.guard.reads == "ahead"]
        self._windowed = [one for one in placed if one.guard.reads == "window"]
        self._whole = [one for one in placed if one.guard.reads == "whole"]
        must_see = any(one.action not in _NOTING for one in self._whole)
        self._hold_all = hold_all or must_see or any(one.action == "retry" for one in placed)
        self._stop: _Stop | None = None
        self._found: list[Finding] = []
        self._window = self._left = 0
        self.text = ""
        self.ended = False
        self.judged: list[Judged] = []

    @property
    def hold_back(self) -> int | None:
        """How many characters wait at most before they may leave, what is being found aside; None for all."""
        if self._hold_all:
            return None
        ahead = max((one.hold_back for one in self._scans), default=0)
        return max(ahead, WINDOW if self._windowed else 0)

    @property
    def stopped(self) -> Judged | None:
        """Who stopped the text, once everybody has looked at what is before that place."""
        if self._stop is None or (self._settled() < self._stop.at and not self.ended):
            return None
        return self._stop.judged

    async def feed(self, piece: str) -> str:
        """What may leave now."""
        if self.stopped is not None or not piece:
            return ""
        self.text += piece
        for scan in self._scans:
            self._note(scan, scan.feed(piece))
        await self._judge_windows()
        return "" if self._hold_all else self._release(self._settled())

    async def end(self) -> str:
        """The rest of what may leave."""
        if self.ended:
            return ""
        if self.stopped is None:
            for scan in self._scans:
                self._note(scan, scan.end())
            await self._judge_windows(last=True)
            if self._whole:
                self._take(await self._judge(self._whole, self.text))
        self.ended = True
        self.judged += [scan.judged() for scan in self._scans]
        return "" if self._hold_all and self._stop is not None else self._release(len(self.text))

    # ---- looking

    def _note(self, scan: "_Scanning", found: Sequence[Finding]) -> None:
        action = scan.placed.action
        if not found or action in _NOTING:
            return
        if action == "redact":
            self._found += found
        else:
            self._stop_at(found[0].start, scan.judged())

    async def _judge_windows(self, *, last: bool = False) -> None:
        while self._windowed and (self._stop is None or self._window < self._stop.at):
            end = self._window_end(last=last)
            if end is None:
                return
            judged = await self._judge(self._windowed, self.text[self._window : end])
            self._take(judged, self._window)
            self._window = end

    def _window_end(self, *, last: bool) -> int | None:
        text, start = self.text, self._window
        found = _END.search(text, start + _SHORTEST, start + WINDOW + 1)
        if found is not None:
            return found.end()
        if len(text) - start > WINDOW:
            space = max(text.rfind(" ", start, start + WINDOW), text.rfind("\n", start, start + WINDOW))
            return space + 1 if space > start else start + WINDOW
        return len(text) if last and len(text) > start else None

    async def _judge(self, placed: Sequence[Placed], text: str) -> Sequence[Judged]:
        subject = Subject(text, self._stage, self._role, self._conversation, self._schema)
        return (await judge(placed, subject)).judged

    def _take(self, judged: Sequence[Judged], start: int = 0) -> None:
        """Note what was said of the text from `start` on."""
        self.judged += judged
        for one in judged:
            if not one.acts or one.action in _NOTING:
                continue
            if one.action != "redact":
                self._stop_at(start, one)
                continue
            places = replacing(one) or (Finding("redacted", 0, one.size),)
            self._found += [_moved(found, start) for found in places]

    def _stop_at(self, at: int, judged: Judged) -> None:
        stop = _Stop(at, GRAVITY.index(judged.action), judged)
        if self._stop is None or stop[:2] < self._stop[:2]:
            self._stop = stop

    # ---- leaving

    def _settled(self) -> int:
        """Up to where everybody has looked."""
        settled = [scan.settled for scan in self._scans]
        if self._windowed:
            settled.append(self._window)
        return min(settled, default=len(self.text))

    def _release(self, until: int) -> str:
        if self._stop is not None:
            until = min(until, self._stop.at)
        found = apart(self._found)
        until = next((one.start for one in found if one.start < until < one.end), until)
        if until <= self._left:
            return ""
        begin, self._left = self._left, until
        leaving = [
            structs.replace(one, start=one.start - begin, end=one.end - begin) for one in found if one.end <= until
        ]
        self._found = [one for one in found if one.end > until]
        return redacted(self.text[begin:until], leaving)


class _Scanning:
    """A guard that scans, at its text."""

    def __init__(self, placed: Placed, conversation: Conversation) -> None:
        guard = placed.guard
        if not isinstance(guard, ScanningGuard):
            raise TypeError(f"The guard '{guard.name}' reads ahead, and has no scan.")
        self.placed, self._guard, self._scan = placed, guard, guard.scan(conversation)
        self._found: list[Finding] = []
        self._took, self._size = 0.0, 0
        self.hold_back = guard.hold_back

    @property
    def settled(self) -> int:
        return self._scan.settled

    def feed(self, piece: str) -> Sequence[Finding]:
        start = time.perf_counter()
        self._size += len(piece)
        return self._kept(self._scan.feed(piece), start)

    def end(self) -> Sequence[Finding]:
        start = time.perf_counter()
        return self._kept(self._scan.end(), start)

    def _kept(self, found: Sequence[Finding], start: float) -> Sequence[Finding]:
        self._took += time.perf_counter() - start
        self._found += found
        return found

    def judged(self) -> Judged:
        return Judged(self.placed, self._guard.told(self._found), int(self._took * 1e6), self._size)


def _moved(found: Finding, by: int) -> Finding:
    return structs.replace(found, start=found.start + by, end=found.end + by)
