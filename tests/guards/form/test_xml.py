import pytest

from pilothouse.errors import ConfigError
from pilothouse.guards.form.xml import Xml
from pilothouse.protocols import Subject

GUARD = Xml(root="answer", elements=("title", "items/item"))
GOOD = "<answer><title>T &amp; t</title><items><item>1</item></items></answer>"


@pytest.mark.parametrize(
    ("text", "status", "repaired"),
    [
        (GOOD, "passed", None), (f"Here:\n```xml\n{GOOD}\n```", "triggered", GOOD),
        (GOOD.replace("&amp;", "&"), "triggered", True), (GOOD.removesuffix("</items></answer>"), "triggered", True),
        ("<answer><title/></answer>", "triggered", None), (f"<other>{GOOD}</other>", "triggered", GOOD),
        ("no XML", "triggered", None), ("", "triggered", None),
    ],
    ids=["good", "fence", "sign", "cut", "missing", "inside", "words", "nothing"],
)  # fmt: skip
async def test_xml_is_taken_out_and_closed(text: str, status: str, repaired: str | bool | None) -> None:
    result = await GUARD.check(Subject(text, "output"))
    assert result.status == status
    if repaired is True:
        assert (await GUARD.check(Subject(result.repaired or "", "output"))).status == "passed"
    else:
        assert result.repaired == repaired


async def test_the_correction_names_the_elements() -> None:
    result = await GUARD.check(Subject("<answer><title/></answer>", "output"))
    assert "/answer: expected the element items/item, but it is not there" in result.correction


async def test_no_entity_is_expanded() -> None:
    text = '<!DOCTYPE answer [<!ENTITY a SYSTEM "file:///etc/hostname">]><answer><title>&a;</title><items><item/></items></answer>'
    result = await GUARD.check(Subject(text, "output"))
    assert result.status == "triggered"
    assert "ENTITY" not in (result.repaired or "")


def test_paths_are_paths() -> None:
    with pytest.raises(ConfigError, match="xml"):
        Xml(elements=("a//b",))
