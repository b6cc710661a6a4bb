"""One text that comes in pieces, on its way through the guards: what may leave leaves as soon as they have seen enough.

    ahead     guards that scan: a character leaves once it is settled, a few characters later
    window    guards that judge sentences: a window of some sentences leaves once it is judged
    whole     guards that must see all of it: nothing leaves before the end, unless they only take note

Where a text is cut never depends on the pieces it came in, and where it is stopped on nothing but the text: fed whole
or in pieces, the same leaves.
"""

import re
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from msgspec import structs

from pilothouse.guarded import Finding, GuardResult
from pilothouse.guarding import NOTING, Stage
from pilothouse.guards.judging import GRAVITY, Judged, judge, merged, replacing
from pilothouse.guards.policy import Placed
from pilothouse.guards.redacting import apart, redacted
from pilothouse.protocols import Conversation, ScanningGuard, Subject
from pilothouse.types import Json

__all__ = ["WINDOW", "Outlet", "hold_back"]

WINDOW = 600
"""Characters of the longest window; most end with a sentence before."""
_SHORTEST = 200
_STOPPED = "The text was stopped before this guard looked."
_END = re.compile(r"[.!?\n](?=\s)")


class _Stop(NamedTuple):
    """Nothing leaves from here on. The first place counts, of several guards there the gravest action."""

    at: int
    gravity: int
    judged: Judged


def hold_back(placed: Sequence[Placed]) -> int | None:
    """How many characters of a stream wait at most before they may leave, what is being found aside; None for all of
    them. What only takes note holds nothing back."""
    acting = [one for one in placed if _acts(one)]
    if any(one.action == "retry" or one.guard.reads == "whole" or one.rules.hold == "all" for one in acting):
        return None
    ahead = [one.guard.hold_back for one in acting if isinstance(one.guard, ScanningGuard)]
    return max([*ahead, *(WINDOW for one in acting if one.guard.reads == "window")], default=0)


class Outlet:
    """Feed it the pieces and send on what it gives back; then `end` it. Once `stopped` is there nothing more leaves,
    and what it asks for is to be done. `size` is how many characters came. The work grows with the text, not with how
    finely it is cut."""

    def __init__(
        self, placed: Sequence[Placed], conversation: Conversation, *, stage: Stage = "output", role: str = "assistant",
        schema: Json | None = None, hold_all: bool = False,
    ) -> None:  # fmt: skip
        self._conversation, self._stage, self._role, self._schema = conversation, stage, role, schema
        self._scans = [_Scanning(one, conversation) for one in placed if one.guard.reads == "ahead"]
        self._windowed = [one for one in placed if one.guard.reads == "window"]
        self._whole = [one for one in placed if one.guard.reads == "whole"]
        self._hold_all = hold_back(placed) is None or (hold_all and any(map(_acts, placed)))
        self._waits = [scan for scan in self._scans if _acts(scan.placed)]
        self._window_waits = any(map(_acts, self._windowed))
        self._stop: _Stop | None = None
        self._found: list[Finding] = []
        self._told: list[Judged] = []
        self._pieces: list[str] = []  # of the whole text, where that is needed at the end
        self._tail, self._base, self._fresh = "", 0, list[str]()  # text from `_base` on; what came since it was joined
        self._window = self._left = self.size = 0
        self.ended = False

    @property
    def judged(self) -> list[Judged]:
        """What each guard said of the text so far, one of each; places count from its begin. At the end those are
        skipped that did not get to look, since the text had been stopped."""
        told = merged([*self._told, *(scan.judged() for scan in self._scans)])
        if not self.ended or not self.size:
            return told
        asked = {id(one.placed) for one in told}
        left = [one for one in (*self._windowed, *self._whole) if id(one) not in asked]
        return [*told, *(Judged(one, GuardResult.skipped(one.guard.name, _STOPPED), 0, 0) for one in left)]

    @property
    def stopped(self) -> Judged | None:
        """Who stopped the text, once everybody has looked at what is before that place."""
        if self._stop is None or (self._settled() < self._stop.at and not self.ended):
            return None
        return self._stop.judged

    async def feed(self, piece: str) -> str:
        """What may leave now."""
        if not piece or self.stopped is not None:
            return ""
        self.size += len(piece)
        self._fresh.append(piece)
        if self._hold_all or self._whole:
            self._pieces.append(piece)
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
                self._take(await self._judge(self._whole, "".join(self._pieces)))
        self.ended = True
        return "" if self._hold_all and self._stop is not None else self._release(self.size)

    # ---- looking

    def _note(self, scan: "_Scanning", found: Sequence[Finding]) -> None:
        if scan.broken is not None and scan.placed.on_error == "act" and _acts(scan.placed):
            self._stop_at(scan.broke_at, scan.judged())
        if not found or not _acts(scan.placed):
            return
        if scan.placed.action == "redact":
            self._found += found
        else:
            self._stop_at(found[0].start, scan.judged())

    async def _judge_windows(self, *, last: bool = False) -> None:
        if not self._windowed:
            return
        while self._stop is None or self._window < self._stop.at:
            end = self._window_end(last=last)
            if end is None:
                return
            self._take(await self._judge(self._windowed, self._text(self._window, end)), self._window)
            self._window = end

    def _window_end(self, *, last: bool) -> int | None:
        start = self._window
        if self.size - start <= _SHORTEST and not last:
            return None
        text, at = self._joined(), start - self._base
        found = _END.search(text, at + _SHORTEST, at + WINDOW + 1)
        if found is not None:
            return found.end() + self._base
        if self.size - start > WINDOW:
            space = max(text.rfind(" ", at, at + WINDOW), text.rfind("\n", at, at + WINDOW))
            return space + 1 + self._base if space > at else start + WINDOW
        return self.size if last and self.size > start else None

    async def _judge(self, placed: Sequence[Placed], text: str) -> Sequence[Judged]:
        subject = Subject(text, self._stage, self._role, self._conversation, self._schema)
        return (await judge(placed, subject)).judged

    def _take(self, judged: Sequence[Judged], start: int = 0) -> None:
        """Note what was said of the text from `start` on."""
        for one in judged:
            moved = one.moved(start)
            self._told.append(moved)
            if not one.acts or not _acts(one.placed):
                continue
            if one.action == "redact":
                places = replacing(one) or (Finding("redacted", 0, one.size),)
                self._found += [structs.replace(at, start=at.start + start, end=at.end + start) for at in places]
            else:
                self._stop_at(start, moved)

    def _stop_at(self, at: int, judged: Judged) -> None:
        stop = _Stop(at, GRAVITY.index(judged.action), judged)
        if self._stop is None or stop[:2] < self._stop[:2]:
            self._stop = stop

    # ---- leaving

    def _settled(self) -> int:
        """Up to where everybody has looked on whose word something is done."""
        settled = min((scan.settled for scan in self._waits), default=self.size)
        return min(settled, self._window) if self._window_waits else settled

    def _release(self, until: int) -> str:
        if self._stop is not None:
            until = min(until, self._stop.at)
        found = apart(self._found) if self._found else []
        until = next((one.start for one in found if one.start < until < one.end), until)
        if until <= self._left:
            return ""
        begin, text = self._left, self._text(self._left, until)
        self._left = until
        if not found:
            return text
        leaving = [
            structs.replace(one, start=one.start - begin, end=one.end - begin) for one in found if one.end <= until
        ]
        self._found = [one for one in found if one.end > until]
        return redacted(text, leaving)

    def _text(self, start: int, end: int) -> str:
        if self._hold_all and start < self._base:
            return "".join(self._pieces)[start:end]
        tail = self._joined()
        return tail[start - self._base : end - self._base]

    def _joined(self) -> str:
        """The text from `_base` on, which goes up to what is still needed."""
        needed = self._window if self._hold_all else min(self._left, self._window if self._windowed else self._left)
        if self._fresh or needed > self._base:
            self._tail = "".join([self._tail, *self._fresh])[needed - self._base :]
            self._base, self._fresh = needed, []
        return self._tail


class _Scanning:
    """A guard that scans, at its text."""

    def __init__(self, placed: Placed, conversation: Conversation) -> None:
        guard = placed.guard
        if not isinstance(guard, ScanningGuard):
            raise TypeError(f"The guard '{guard.name}' reads ahead, and has no scan.")
        self.placed, self._guard, self._scan = placed, guard, guard.scan(conversation)
        self._found: list[Finding] = []
        self._took, self._size = 0.0, 0
        self.broken: str | None = None
        self.broke_at = 0
        self.hold_back = guard.hold_back

    @property
    def settled(self) -> int:
        return self._scan.settled if self.broken is None else self._size

    def feed(self, piece: str) -> Sequence[Finding]:
        self._size += len(piece)
        return self._looked(lambda: self._scan.feed(piece))

    def end(self) -> Sequence[Finding]:
        return self._looked(self._scan.end)

    def _looked(self, look: Callable[[], Sequence[Finding]]) -> Sequence[Finding]:
        """What is newly found; a scan that raises has broken, and looks no more."""
        if self.broken is not None:
            return ()
        start, at = time.perf_counter(), self._scan.settled
        try:
            found = look()
        except Exception as error:  # noqa: BLE001 - a plugin may raise anything, and hurts nobody else
            self.broken, self.broke_at, found = f"It broke: {type(error).__name__}.", at, ()
        self._took += time.perf_counter() - start
        self._found += found
        return found

    def judged(self) -> Judged:
        name = self.placed.guard.name
        failed = None if self.broken is None or self._found else GuardResult.failed(name, self.broken)
        return Judged(self.placed, failed or self._guard.told(self._found), int(self._took * 1e6), self._size)


def _acts(placed: Placed) -> bool:
    return placed.action not in NOTING
