import pytest

from pilothouse.errors import ConfigError
from pilothouse.guards.facts.citations import Citations
from pilothouse.guards.redacting import redacted

from .conftest import Ask

SAID = "The pump was built in Leeds [1]. Close the red valve before draining. [2]"


async def test_claims_that_cite_what_carries_them_pass(answer: Ask) -> None:
    assert (await Citations().check(answer(SAID))).status == "passed"


@pytest.mark.parametrize(
    ("text", "kind", "repaired"),
    [
        ("The pump was built in Leeds.", "uncited", "The pump was built in Leeds [1]."),
        ("Close the red valve, then drain [7]!", "no_such_passage", "Close the red valve, then drain [2]!"),
        ("The pump was built in Leeds. [2]", "wrong_citation", "The pump was built in Leeds [1]."),
        ("Napoleon was crowned emperor [1].", "wrong_citation", "Napoleon was crowned emperor [uncited]."),
    ],
    ids=["uncited", "none there", "another", "nowhere"],
)  # fmt: skip
async def test_each_fault_is_told_and_mended(answer: Ask, text: str, kind: str, repaired: str) -> None:
    result = await Citations().check(answer(f"{SAID} {text}"))
    assert [one.kind for one in result.findings] == [kind]
    assert result.repaired == f"{SAID} {repaired}"
    assert result.detail == {"claims": 3, kind: 1}


async def test_what_is_repaired_passes(answer: Ask) -> None:
    once = await Citations().check(answer("The pump was built in Leeds. Close the red valve before draining [1]."))
    assert once.repaired is not None
    assert (await Citations().check(answer(once.repaired))).status == "passed"


@pytest.mark.parametrize(("repair", "left"), [("mark", "The pump was built in Leeds [uncited]."), ("remove", "")])
async def test_what_a_redaction_leaves(answer: Ask, repair: str, left: str) -> None:
    text = "The pump was built in Leeds."
    result = await Citations(repair=repair).check(answer(text))  # type: ignore[arg-type]
    assert redacted(text, result.findings) == left


async def test_without_passages_it_has_not_looked(answer: Ask) -> None:
    assert (await Citations().check(answer(SAID, passages=()))).status == "skipped"
    assert (await Citations().check(answer("The pump leaks oil. " * 201))).status == "failed"


def test_wrong_options() -> None:
    with pytest.raises(ConfigError, match=r"citations\.threshold"):
        Citations(threshold=1.5)
