import pytest

from pilothouse.errors import InvalidRequest
from pilothouse.prompts.versions import Reference, check_label, check_name, reference_of


def test_a_reference_names_a_version_or_a_label() -> None:
    assert reference_of("rag/answer") == Reference("rag/answer")
    assert reference_of("rag/answer@3") == Reference("rag/answer", version=3)
    assert reference_of("grüße, welt#v1.2-beta_3") == Reference("grüße, welt", label="v1.2-beta_3")
    assert [str(reference_of(text)) for text in ("a", "a@3", "a#staging")] == ["a#production", "a@3", "a#staging"]


@pytest.mark.parametrize(
    "text", ["", "a@", "a@x", "a@0", "a@-1", "a@²", "a@99999999999", "a#", "a#Production", "a@3#b", "#b", "@3"]
)
def test_what_is_no_reference_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        reference_of(text)


@pytest.mark.parametrize(
    "name", ["a", "a/b/c", "versions", "usage", "Отвечать", "🧭", "100%", "a?b", "x" * 256, "it's"]
)
def test_names(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "", "x" * 257, "a\nb", "a\0", "\ud83d", "/a", "a/", "a//b", "a/../b", ".", " a", "a /b", "a@3", "a#b", "a{b",
        'a"', "a\\b", "a/versions/3", "a/versions", "a/labels/x", "a/history", "a/resolved", "u\u0308ber",
    ],
    ids=range(23),
)  # fmt: skip
def test_names_that_would_be_read_as_something_else_are_refused(name: str) -> None:
    with pytest.raises(InvalidRequest) as told:
        check_name(name)
    assert told.value.param == "name"


@pytest.mark.parametrize("label", ["", "Production", "-a", "a b", "a/b", "x" * 65, "é", "a\n"])
def test_labels_are_plain(label: str) -> None:
    with pytest.raises(InvalidRequest):
        check_label(label)
