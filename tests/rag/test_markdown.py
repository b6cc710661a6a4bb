from pathlib import Path

import pytest

from pilothouse.rag.loaders.markdown import MarkdownLoader
from pilothouse.types import Document


def load(tmp_path: Path, text: str) -> Document:
    path = tmp_path / "guide.md"
    path.write_text(text, encoding="utf-8")
    return MarkdownLoader().load(path, path.name)


def places(document: Document) -> list[tuple[tuple[str, ...], str]]:
    return [(section.headings, section.text) for section in document]


def test_sections_stand_under_their_headings(tmp_path: Path) -> None:
    document = load(tmp_path, "lead\n\n# A\none\n## B ##\ntwo\n### C\n# D\nthree\n")
    assert places(document) == [((), "lead"), (("A",), "one"), (("A", "B"), "two"), (("D",), "three")]
    assert document.title == "A"


def test_underlined_headings(tmp_path: Path) -> None:
    document = load(tmp_path, "Title\n=====\none\n\nPart\n---\ntwo\n\n- item\n---\n")
    assert places(document) == [(("Title",), "one"), (("Title", "Part"), "two\n\n- item\n---")]


def test_headings_lose_their_marks(tmp_path: Path) -> None:
    document = load(tmp_path, "# The `run_all` *command* [docs](http://x)\ntext")
    assert document.sections[0].headings == ("The run_all command docs",)


@pytest.mark.parametrize("mark", ["[", "[a](", "![", "*", "`", "_"])
def test_a_heading_of_marks_alone_takes_no_time_to_speak_of(tmp_path: Path, mark: str) -> None:
    assert load(tmp_path, f"# {mark * 200_000} end\ntext").title.endswith("end")


def test_a_hash_without_a_space_or_in_code_is_no_heading(tmp_path: Path) -> None:
    text = "#tag\n\n````sh\n# not a heading\n```\n# nor this\n````\n\n~~~\n# nor that"
    assert places(load(tmp_path, text)) == [((), text)]


def test_front_matter_becomes_metadata(tmp_path: Path) -> None:
    text = "---\ntitle: The guide\ntags: [a, b]\ndate: 2024-05-01\ndeep: {x: 1}\n---\n# First\nbody"
    document = load(tmp_path, text)
    assert document.title == "The guide"
    assert document.metadata == {"encoding": "utf-8", "title": "The guide", "tags": ["a", "b"], "date": "2024-05-01"}
    assert places(document) == [(("First",), "body")]


def test_what_is_no_front_matter_stays_text(tmp_path: Path) -> None:
    deep = "[" * 5000 + "]" * 5000
    odd = ("d: 2024-13-45", "t: !!timestamp soon", f"n: {'9' * 5000}", f"a: {deep}")
    for text in (
        "---\n: [\n---\nbody",
        "---\njust words\n---\nbody",
        "---\nnever closed",
        *(f"---\n{o}\n---\nbody" for o in odd),
    ):
        document = load(tmp_path, text)
        assert "".join(section.text for section in document).endswith(text[-4:])
        assert document.metadata == {"encoding": "utf-8"}


def test_half_a_surrogate_pair_does_not_get_far(tmp_path: Path) -> None:
    assert load(tmp_path, '---\ntitle: "x\\ud800"\n---\nbody').title == "x?"


def test_nested_aliases_do_not_grow(tmp_path: Path) -> None:
    levels = "\n".join(f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 9)}]" for i in range(1, 12))
    document = load(tmp_path, f"---\nl0: &l0 [x]\n{levels}\n---\nbody")
    assert document.metadata["l0"] == ["x"]
    assert document.metadata["l11"] == []
