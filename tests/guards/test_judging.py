import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from pilothouse.errors import ProviderTimeout
from pilothouse.guarded import GuardResult
from pilothouse.guarding import GuardsConfig
from pilothouse.guards.judging import Judged, judge, merged
from pilothouse.guards.policy import Policies
from pilothouse.guards.registry import GROUP, Guards
from pilothouse.guards.text.words import Words
from pilothouse.plugins import Registry
from pilothouse.protocols import Guard, Subject


@dataclass(frozen=True, kw_only=True)
class Raising(Guard):
    with_: str = "error"
    name: str = "raising"

    async def check(self, subject: Subject) -> GuardResult:
        raise {"error": ProviderTimeout("It took too long."), "bug": ValueError("secret"),
               "left": asyncio.CancelledError()}[self.with_]  # fmt: skip


def _policy(*uses: Any) -> Any:
    guards = Guards(Registry(GROUP, {"words": Words, "raising": Raising}))
    return Policies(GuardsConfig.model_validate({"policies": {"p": {"input": uses}}}), guards).of(["p"]).at("input")


async def test_the_gravest_action_of_those_that_triggered_wins() -> None:
    placed = _policy(
        {"use": "words", "name": "one", "words": ["acme"], "action": "redact"},
        {"use": "words", "name": "two", "words": ["rival"], "action": "block"},
        {"use": "words", "name": "three", "words": ["other"], "action": "fallback"},
    )
    judgement = await judge(placed, Subject("acme and its rival", "input"))
    assert judgement.action == "block"
    assert [one.result.guard for one in judgement.acting] == ["two", "one"]
    assert (await judge(placed, Subject("nobody", "input"))).action is None


async def test_the_text_is_redacted_by_those_guards_alone_that_redact() -> None:
    placed = _policy(
        {"use": "words", "words": ["acme"], "action": "redact", "kind": "name"},
        {"use": "words", "name": "two", "words": ["rival"], "action": "flag"},
    )
    judgement = await judge(placed, Subject("Acme and its rival", "input"))
    assert judgement.action == "redact"
    assert judgement.text == "[name] and its rival"


async def test_of_a_text_nothing_is_left_where_a_guard_that_redacts_could_not_look() -> None:
    placed = _policy({"use": "raising", "action": "redact", "on_error": "act"})
    judgement = await judge(placed, Subject("acme", "input"))
    assert judgement.text == "[redacted]"


@pytest.mark.parametrize(
    ("raised", "reason"), [("error", "It took too long."), ("bug", "It broke: ValueError.")], ids=["error", "bug"]
)
async def test_a_guard_that_raises_has_failed_and_never_passed(raised: str, reason: str) -> None:
    allowing, acting = [
        await judge(_policy({"use": "raising", "with_": raised, "on_error": on}), Subject("x", "input"))
        for on in ("allow", "act")
    ]
    assert [one.result for one in allowing.judged] == [GuardResult.failed("raising", reason)]
    assert (allowing.action, acting.action) == (None, "block")


async def test_what_a_guard_said_of_several_texts_is_the_worst_of_it_with_all_it_found() -> None:
    (words,) = placed = _policy({"use": "words", "words": ["acme"]})
    said = [one for text in ("acme", "", "acme!") for one in (await judge(placed, Subject(text, "input"))).judged]
    broken = Judged(words, GuardResult.failed("words", "It is down."), 5, 3)
    (one,) = merged([*said, broken])
    assert (one.result.status, len(one.result.findings), one.size) == ("triggered", 2, 4 + 0 + 5 + 3)
    (one,) = merged([said[1], broken])
    assert one.result.status == "failed"


async def test_cancellation_passes_through() -> None:
    with pytest.raises(asyncio.CancelledError):
        await judge(_policy({"use": "raising", "with_": "left"}), Subject("x", "input"))
