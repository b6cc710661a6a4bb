"""The guards over personal data and secrets: what they find, what stands in its place, and that nothing leaks."""

import itertools
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pilothouse.errors import ConfigError
from pilothouse.guarded import Finding
from pilothouse.guarding import GuardsConfig
from pilothouse.guards.personal.pii import Pii
from pilothouse.guards.personal.secrets import Secrets
from pilothouse.guards.policy import Placed, Policies
from pilothouse.guards.redacting import redacted
from pilothouse.guards.registry import GROUP, Guards
from pilothouse.guards.streaming import Outlet
from pilothouse.pii.kinds import DEFAULT
from pilothouse.plugins import Registry
from pilothouse.protocols import Conversation, Subject

from ...pii.test_scan import TEXTS, pieces

TEXT = "Write to ada@example.com or bob@other.org, card 4111 1111 1111 1111."
KEY = "a key of sixteen or more"


async def said(guard: Any, text: str, conversation: Conversation | None = None) -> str:
    result = await guard.check(Subject(text, "input", conversation=conversation or Conversation()))
    return redacted(text, result.findings)


@pytest.mark.parametrize(
    ("options", "redacted_text"),
    [
        ({}, "Write to [email] or [email], card [credit_card]."),
        ({"kinds": ("email",)}, "Write to [email] or [email], card 4111 1111 1111 1111."),
        (
            {"allow": ("@Example.com", "4111111111111111")},
            "Write to ada@example.com or [email], card 4111 1111 1111 1111.",
        ),
        ({"style": "mask"}, "Write to ***@******e.com or ***@****r.org, card **** **** **** 1111."),
        ({"style": "pseudonym"}, "Write to <EMAIL_1> or <EMAIL_2>, card <CREDIT_CARD_1>."),
    ],
)
async def test_what_stands_in_its_place(options: dict[str, Any], redacted_text: str) -> None:
    assert await said(Pii(**options), TEXT) == redacted_text


async def test_a_hash_tells_the_same_value_from_another_and_needs_a_key() -> None:
    guard = Pii(style="hash", key=KEY)
    first, second = await said(guard, "a@b.example A@b.example"), await said(guard, "c@b.example")
    assert first.split()[0] == first.split()[1] != second
    assert await said(Pii(style="hash", key=KEY[::-1]), "c@b.example") != second
    with pytest.raises(ConfigError, match=r"pii\.key: the style 'hash' needs a key"):
        Pii(style="hash")


async def test_a_reason_tells_kinds_and_never_values() -> None:
    result = await Pii().check(Subject(TEXT, "input"))
    assert result.reason == "The text holds personal data: 2 email, 1 credit card."
    assert (await Secrets().check(Subject(TEXT, "input"))).status == "passed"
    secret = await Secrets().check(Subject("password: hunter2!", "input"))
    assert (secret.reason, secret.detail) == ("The text holds secrets: 1 secret.", {"kinds": {"secret": 1}})
    assert "hunter" not in repr(secret)


@pytest.mark.parametrize(("kinds", "why"), [(("emails",), "no kind"), ((), "is empty")])
def test_kinds_that_there_are_not(kinds: tuple[str, ...], why: str) -> None:
    with pytest.raises(ConfigError, match=rf"pii\.kinds: .*{why}") as caught:
        Pii(kinds=kinds)
    assert caught.value.param == "pii.kinds"


def output_guards(*uses: dict[str, Any]) -> Sequence[Placed]:
    guards = Guards(Registry(GROUP, {"pii": Pii, "secrets": Secrets}))
    config = GuardsConfig.model_validate({"policies": {"p": {"output": [*uses]}}})
    return Policies(config, guards).of(["p"]).at("output")


PLACED = output_guards({"use": "pii"}, {"use": "secrets"})
BLOCKING = output_guards({"use": "pii", "action": "block"})


@settings(max_examples=150, deadline=None)
@given(TEXTS, st.lists(st.integers(min_value=0, max_value=10_000), max_size=30))
async def test_what_leaves_a_stream_is_what_the_whole_text_would_have_let_through(text: str, cuts: list[int]) -> None:
    outlet, whole = Outlet(PLACED, Conversation()), Outlet(PLACED, Conversation())
    left = ""
    for piece in pieces(text, cuts):
        left += await outlet.feed(piece)
    left += await outlet.end()
    assert left == await whole.feed(text) + await whole.end()
    found = list[Finding]()
    for guard in (Pii(), Secrets()):
        found += (await guard.check(Subject(text, "output"))).findings
    assert left == redacted(text, found)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.sampled_from(["the parcel left ", "call +49 30 901820 ", "ada@example.com ", "sk-proj-abcDEF123456_7890 "]),
        max_size=8,
    )
)
async def test_a_late_block_lets_nothing_of_it_go(parts: list[str]) -> None:
    outlet = Outlet(BLOCKING, Conversation())
    text = "".join(parts)
    left = "".join([await outlet.feed(sign) for sign in text]) + await outlet.end()
    clean = "".join(itertools.takewhile(lambda part: "@" not in part and "+" not in part, parts))
    assert left == (text if clean == text else clean + ("call " if text[len(clean) :].startswith("call") else ""))


def test_the_hold_back_is_stated_and_prose_waits_for_little() -> None:
    assert Pii().hold_back <= 220
    assert Secrets().hold_back <= 220
    assert set(Pii().kinds) | {"secret"} == set(DEFAULT)


async def test_a_long_text_is_looked_at_beside_the_event_loop() -> None:
    text = "The parcel left the house. " * 2000 + "ada@example.com"
    assert (await said(Pii(), text)).endswith("house. [email]")
