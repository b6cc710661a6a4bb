from pathlib import Path

import pytest

from pilothouse.errors import ConfigError
from pilothouse.yamlfile import YamlFile

TEXT = """\
# a comment
providers:
  openai: {api_key: ${KEY}, "${OTHER}": 1}
models:
  - first
  - name: second
"""


def read(text: str) -> YamlFile:
    return YamlFile(Path("some.yaml"), text)


def test_data_with_references_as_they_were_written() -> None:
    assert read(TEXT).data == {
        "providers": {"openai": {"api_key": "${KEY}", "${OTHER}": 1}},
        "models": ["first", {"name": "second"}],
    }
    assert read("").data is None
    assert read("&a [1, 2]").data == [1, 2]


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ((), 1),
        (("providers",), 2),
        (("providers", "openai", "api_key"), 3),
        (("providers", "openai", "no such key"), 3),
        (("models", 1, "name"), 6),
        (("models", 7), 4),
    ],
)
def test_the_line_of_a_place(place: tuple[str | int, ...], line: int) -> None:
    assert read(TEXT).line(place) == line


def bomb(levels: int) -> str:
    first = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
    return first + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, levels))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [1,\n", "some.yaml:2: not valid YAML"),
        ("a:\n\tb: 1\n", "some.yaml:2: not valid YAML: found character '\\t'"),
        ("a: 1\n---\nb: 2\n", "some.yaml:2: not valid YAML"),
        ("a: !!python/name:os.system x\n", "some.yaml:1: not valid YAML: could not determine a constructor"),
        ("a: 2024-13-45\n", "some.yaml: not valid YAML: month must be in 1..12"),
        ("a: 1\nb: {c: 1, c: 2}\n", "some.yaml:2: c: stands in line 2 already"),
        ("models: {}\nrag: {}\nmodels: {}\n", "some.yaml:3: models: stands in line 1 already"),
        ("a: " + "[" * 5000 + "]" * 5000, "some.yaml: is nested too deeply"),
        ("a: &a [*a]\n", "some.yaml: is nested too deeply"),
        (bomb(9), "some.yaml: unfolds to more than 100000 values"),
    ],
)
def test_what_cannot_be_read_is_told(text: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(text)
    assert words in caught.value.message
