"""YAML that says JSON: written the same way each time, read with the line of every key. Knows nothing of prompts."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from pilothouse.errors import ConfigError
from pilothouse.types import Json
from pilothouse.yamlfile import YamlFile

__all__ = ["Front", "dump"]

_ODD = re.compile("[^\t\n\x20-\x7e\xa0-\u2027\u202a-\ufefe\U00010000-\U0010ffff]")
"""What YAML has as the end of a line, or not at all."""


class Front:
    """The front matter of the file at `path`: `data`, and `line` of any place in it. `text` begins where line 1 ends.

    Raises ConfigError as `file:line: what is wrong`, for what is no object, and for what JSON does not have, too.
    """

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self._file = YamlFile(path, text, references=False)
        data = {} if self._file.data is None else self._file.data
        if not isinstance(data, dict):
            raise ConfigError(f"{path}:2: the front matter must be `key: value` pairs.")
        self._check(data, [])
        self.data: Json = data

    def line(self, place: Sequence[str | int]) -> int:
        """The line of the deepest node on the way to `place`."""
        return max(2, self._file.line(place))

    def error(self, place: Sequence[str | int], told: str) -> ConfigError:
        """An error that says where."""
        return ConfigError(f"{self.path}:{self.line(place)}: {'.'.join(map(str, place))}: {told}.")

    def _check(self, value: Any, place: list[str | int]) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                if not isinstance(key, str):
                    raise self.error([*place, str(key)], "a key must be a text: put it in quotes")
                self._check(inner, [*place, key])
        elif isinstance(value, list):
            for number, inner in enumerate(value):
                self._check(inner, [*place, number])
        elif value is not None and not isinstance(value, str | int | float):
            raise self.error(place, f"a {type(value).__name__} is nothing that JSON has: put it in quotes")


class _Quoted(yaml.SafeDumper):
    """Block style; every text in quotes, with escapes."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


class _Literal(_Quoted):
    """Texts as they are, where they are printable."""


def _quoted(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"')


def _literal(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = '"' if _ODD.search(text) else "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Quoted.add_representer(str, _quoted)
_Literal.add_representer(str, _literal)


def dump(values: Json) -> str:
    """YAML of the values, in their order, that reads back as just these."""
    said = _dumped(values, _Literal)
    try:
        if yaml.safe_load(said) == values:
            return said
    except yaml.YAMLError:
        pass
    return _dumped(values, _Quoted)  # the library reads some of the texts that it wrote as they are differently


def _dumped(values: Json, dumper: type[yaml.SafeDumper]) -> str:
    return yaml.dump(values, Dumper=dumper, sort_keys=False, allow_unicode=True, width=2**20, default_flow_style=False)
