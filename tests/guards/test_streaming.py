import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.guarded import Finding, GuardResult
from pilothouse.guarding import GuardsConfig
from pilothouse.guards.policy import Placed, Policies
from pilothouse.guards.registry import GROUP, Guards
from pilothouse.guards.streaming import WINDOW, Outlet, hold_back
from pilothouse.guards.text.length import Length
from pilothouse.guards.text.words import Words
from pilothouse.plugins import Registry
from pilothouse.protocols import Conversation, Guard, Subject


class _Scan:
    """Finds a text of a fixed length, once that many characters are there; a `!` breaks it."""

    def __init__(self, wanted: str) -> None:
        self._wanted, self._text, self._at, self.settled = wanted, "", 0, 0

    def feed(self, text: str) -> Sequence[Finding]:
        self._text += text
        if "!" in text:
            raise ValueError(text)
        found = []
        while (at := self._text.find(self._wanted, self._at)) >= 0:
            self._at = at + len(self._wanted)
            found.append(Finding("x", at, self._at))
        self.settled = max(self._at, len(self._text) - len(self._wanted) + 1, 0)
        return found

    def end(self) -> Sequence[Finding]:
        self.settled = len(self._text)
        return ()


@dataclass(frozen=True, kw_only=True)
class Ahead(Guard):
    reads: ClassVar[Literal["ahead", "window", "whole"]] = "ahead"
    wanted: str = "ab"
    name: str = "ahead"

    @property
    def hold_back(self) -> int:
        return len(self.wanted)

    def scan(self, conversation: Conversation) -> _Scan:
        return _Scan(self.wanted)

    def told(self, findings: Sequence[Finding]) -> GuardResult:
        if not findings:
            return GuardResult.passed(self.name)
        return GuardResult.triggered(self.name, "It is there.", findings=tuple(findings))

    async def check(self, subject: Subject) -> GuardResult:
        return self.told(_Scan(self.wanted).feed(subject.text))


@dataclass(frozen=True, kw_only=True)
class Sentences(Guard):
    """Looks for a text within whole sentences."""

    wanted: str = "ab"
    name: str = "sentences"

    async def check(self, subject: Subject) -> GuardResult:
        found = [Finding("blocked", *one.span()) for one in re.finditer(re.escape(self.wanted), subject.text)]
        if not found:
            return GuardResult.passed(self.name)
        return GuardResult.triggered(self.name, "It is there.", findings=tuple(found))


def _placed(*uses: Any) -> Sequence[Placed]:
    guards = Guards(Registry(GROUP, {"words": Words, "length": Length, "ahead": Ahead, "sentences": Sentences}))
    return Policies(GuardsConfig.model_validate({"policies": {"p": {"output": uses}}}), guards).of(["p"]).at("output")


async def _left(placed: Sequence[Placed], pieces: Sequence[str]) -> tuple[str, str | None]:
    outlet, left = Outlet(placed, Conversation()), ""
    for piece in pieces:
        left += await outlet.feed(piece)
    left += await outlet.end()
    return left, None if outlet.stopped is None else outlet.stopped.result.guard


_LETTERS = st.text(alphabet="abc .\n", max_size=900)
_ACTIONS = st.sampled_from(["block", "redact", "fallback", "flag"])


@given(_LETTERS, st.lists(st.integers(1, 300), max_size=12), _ACTIONS, _ACTIONS, _ACTIONS)
async def test_the_same_leaves_however_the_text_is_cut(
    text: str, sizes: list[int], one: str, two: str, three: str
) -> None:
    placed = _placed(
        {"use": "ahead", "wanted": "aab", "action": one},
        {"use": "ahead", "name": "second", "wanted": "bc aacc", "action": two},
        {"use": "words", "words": ["abc", "b"], "action": three},
        {"use": "sentences", "wanted": "cc", "action": two},
    )
    pieces, at = [], 0
    for size in [*sizes, len(text)]:
        pieces.append(text[at : at + size])
        at += size
    assert await _left(placed, pieces) == await _left(placed, [text])


async def test_what_scans_holds_back_no_more_than_it_says() -> None:
    placed = _placed({"use": "ahead", "wanted": "secret", "action": "redact"})
    outlet = Outlet(placed, Conversation())
    assert hold_back(placed) == 6
    assert await outlet.feed("this is a sec") == "this is "
    assert await outlet.feed("ret, and") == "a [x]"
    assert await outlet.end() == ", and"


async def test_a_text_that_is_blocked_ends_before_what_was_found() -> None:
    outlet = Outlet(_placed({"use": "ahead", "wanted": "secret"}), Conversation())
    left = await outlet.feed("this is a secret, and more") + await outlet.feed("of it") + await outlet.end()
    assert left == "this is a "
    assert outlet.stopped is not None
    assert outlet.stopped.result.guard == "ahead"


async def test_guards_of_sentences_see_whole_ones_and_hold_no_more_than_a_window() -> None:
    placed = _placed({"use": "sentences", "wanted": "acme", "action": "redact"})
    outlet = Outlet(placed, Conversation())
    assert hold_back(placed) == WINDOW
    sentence = "Nothing to be seen here at all, and it goes on for long. "
    left = [await outlet.feed(sentence) for _ in range(9)]
    assert "".join(left).startswith(sentence)
    assert len("".join(left)) >= 9 * len(sentence) - WINDOW
    assert "".join([*left, await outlet.feed("Ask acme."), await outlet.end()]).endswith("Ask [blocked].")


@pytest.mark.parametrize(("action", "held"), [("block", True), ("flag", False)])
async def test_what_must_be_seen_whole_is_held_where_something_is_done(action: str, held: bool) -> None:
    outlet = Outlet(_placed({"use": "length", "at_most": 1, "action": action}), Conversation())
    assert (await outlet.feed("more than one token") == "") == held
    await outlet.end()
    assert (outlet.stopped is not None) == held
    assert [one.result.status for one in outlet.judged] == ["triggered"]


async def test_a_window_is_cut_where_no_sentence_ends() -> None:
    outlet = Outlet(_placed({"use": "sentences", "wanted": "z", "action": "redact"}), Conversation())
    left = await outlet.feed("a" * (WINDOW + 1))
    assert left == "a" * WINDOW
    assert re.fullmatch("a", await outlet.end())


async def test_a_phrase_is_found_wherever_windows_end() -> None:
    placed = _placed(
        {"use": "words", "words": ["project falcon", "dr. no"], "action": "redact"},
        {"use": "sentences", "wanted": "zz"},
    )
    for lead in range(WINDOW - 20, WINDOW + 5):
        text = "a " * (lead // 2) + "project falcon and dr. no say"
        assert "falcon" not in (await _left(placed, [text[:lead], text[lead:]]))[0]


async def test_what_only_takes_note_holds_nothing_back_and_still_sees_all() -> None:
    placed = _placed(
        {"use": "words", "words": ["acme"], "action": "flag"},
        {"use": "sentences", "wanted": "acme", "action": "shadow"},
        {"use": "length", "at_most": 1, "action": "flag"},
    )  # fmt: skip
    outlet = Outlet(placed, Conversation(), hold_all=True)
    assert hold_back(placed) == 0
    assert await outlet.feed("Ask ac") == "Ask ac"
    assert await outlet.feed("me") + await outlet.end() == "me"
    assert [one.result.status for one in outlet.judged] == ["triggered"] * 3


async def test_places_count_from_the_begin_of_the_text_and_a_guard_speaks_once() -> None:
    sentence = "Nothing to be seen here at all, and it goes on for so very long that a window ends with it, or not. "
    outlet = Outlet(_placed({"use": "sentences", "wanted": "seen", "action": "redact"}), Conversation())
    for _ in range(12):
        await outlet.feed(sentence)
    await outlet.end()
    (one,) = outlet.judged
    assert [found.start for found in one.result.findings] == [14 + len(sentence) * n for n in range(12)]
    assert one.size == outlet.size == 12 * len(sentence)


@pytest.mark.parametrize(("on_error", "left"), [("allow", "so it is! and on"), ("act", "so it")])
async def test_a_scan_that_breaks_has_failed_and_hurts_no_one(on_error: str, left: str) -> None:
    placed = _placed({"use": "ahead", "wanted": "aab", "on_error": on_error})
    outlet = Outlet(placed, Conversation())
    said = [await outlet.feed(piece) for piece in ("so it i", "s! an", "d on")]
    assert "".join([*said, await outlet.end()]) == left
    assert [one.result for one in outlet.judged] == [GuardResult.failed("ahead", "It broke: ValueError.")]
    assert (outlet.stopped is not None) == (on_error == "act")
