import pytest

from pilothouse.guards.facts.claims import claims


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Pumps leak oil [1]. Leeds is old [2, 3].", [("Pumps leak oil .", (1,)), ("Leeds is old .", (2, 3))]),
        ("Pumps leak oil. [1] Leeds is old. [2]", [("Pumps leak oil.", (1,)), ("Leeds is old.", (2,))]),
        ("Does the pump leak oil? Yes.", []),
        ("# The pump in Leeds\n\nI don't know the year.", []),
        ("I am sorry, but I cannot help with that request.", []),
        ("Some pump code:\n```\npump = Leeds.find(1987). Stop.\n```\nThe pump is old.", [("The pump is old.", ())]),
        ("", []),
        ("[1]", []),
        ("- The pump leaks oil [1]\n- The valve is red", [("- The pump leaks oil", (1,)), ("- The valve is red", ())]),
    ],
    ids=["before the stop", "after the stop", "question", "unknown", "refusal", "code", "empty", "marker", "list"],
)  # fmt: skip
def test_claims_and_what_they_cite(text: str, found: list[tuple[str, tuple[int, ...]]]) -> None:
    assert [(one.text, one.cited) for one in claims(text)] == found


def test_places_are_those_of_the_text_with_the_markers() -> None:
    text = "First\n\nThe pump leaks oil. [1] It was built in Leeds [2]!  "
    assert [text[one.start : one.end] for one in claims(text)] == [
        "The pump leaks oil. [1]",
        "It was built in Leeds [2]!",
    ]


@pytest.mark.parametrize("text", ["\x00" * 100, "\ud800 pump leaks", "[1]" * 50_000, "```" * 50_000, ". " * 50_000])
def test_any_text_is_read(text: str) -> None:
    for one in claims(text):
        assert 0 <= one.start < one.end <= len(text)
