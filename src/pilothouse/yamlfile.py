"""The text of a YAML file as plain data that knows its lines. Knows nothing of what the keys mean.

References to the environment, `${NAME}`, are text like any other here, also unquoted within `{...}`.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from pilothouse.errors import ConfigError

__all__ = ["REFERENCE", "YamlFile"]

REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_MARK = re.compile(r"⟦([A-Za-z_][A-Za-z0-9_]*)⟧")
_MOST_NODES = 100_000


class YamlFile:
    """`data` is what the text says, None where it says nothing.

    Raises ConfigError as `file:line: what is wrong`. Beyond what YAML's parser refuses these are a key that is there
    twice, of which it would take the last, and aliases that unfold without end. Without `references` no `${NAME}` is
    anything special.
    """

    def __init__(self, path: Path, text: str, *, references: bool = True) -> None:
        self._path = path
        self._nodes = 0
        # A plain `${NAME}` would end a flow mapping at its brace.
        marked = REFERENCE.sub(r"⟦\1⟧", text) if references else text
        try:
            loader = yaml.SafeLoader(marked)
            self._root = loader.get_single_node()
            self._check(self._root)
            data = None if self._root is None else loader.construct_document(self._root)
            self.data = _restored(data) if references else data
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            raise ConfigError(f"{path}:{line}: not valid YAML: {error.problem}.") from None
        except (yaml.YAMLError, ValueError) as error:  # ValueError: a date such as 2024-13-45
            raise ConfigError(f"{path}: not valid YAML: {error}.") from None
        except RecursionError:
            raise ConfigError(f"{path}: is nested too deeply.") from None

    def line(self, place: Sequence[str | int]) -> int:
        """The line (from 1) of the deepest node on the way to `place`, keys and indexes from the top."""
        line, node = 1, self._root
        for step in place:
            if isinstance(node, yaml.MappingNode):
                pair = next(((k, v) for k, v in node.value if k.value == str(step)), None)
                if pair is None:
                    break
                line, node = pair[0].start_mark.line + 1, pair[1]
            elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
                node = node.value[step]
                line = node.start_mark.line + 1
            else:
                break
        return line

    def _check(self, node: yaml.Node | None) -> None:
        self._nodes += 1
        if self._nodes > _MOST_NODES:
            raise ConfigError(f"{self._path}: unfolds to more than {_MOST_NODES} values. Use fewer aliases.")
        if isinstance(node, yaml.SequenceNode):
            for item in node.value:
                self._check(item)
        elif isinstance(node, yaml.MappingNode):
            lines: dict[str, int] = {}
            for key, value in node.value:
                line = key.start_mark.line + 1
                if key.value in lines:
                    raise ConfigError(f"{self._path}:{line}: {key.value}: stands in line {lines[key.value]} already.")
                lines[str(key.value)] = line
                self._check(value)


def _restored(data: Any) -> Any:
    """`data` with its marked references as they were written."""
    if isinstance(data, dict):
        return {_restored(key): _restored(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_restored(value) for value in data]
    return _MARK.sub(r"${\1}", data) if isinstance(data, str) else data
