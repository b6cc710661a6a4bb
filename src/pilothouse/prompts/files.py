"""A prompt as a file that people read and review: YAML front matter, then the text, or the messages of a chat.

    ---
    name: support/answer
    version: 3
    hash: 5f1c0a9be2d84c11
    type: chat
    syntax: jinja
    model: gpt-5-mini
    ---
    === system ===
    You answer for the support team.

    === placeholder history ===

    === user ===
    {{ question }}

`version` and `hash` tell which version the file came from. What is written is exact and the same each time: it reads
back as the very content, whatever its texts hold. Knows nothing of folders (places.py), nor of the registry.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pilothouse.errors import ConfigError
from pilothouse.prompts.content import Content, place_of
from pilothouse.prompts.frontmatter import Front, dump
from pilothouse.types import Json

__all__ = ["PromptFile", "read", "stamped", "write"]

_BODY = "template"
_ABOUT = ("name", "version", "hash")
_KEYS = (
    *_ABOUT, "type", "syntax", "model", "params", "variables", "tools", "response_format", "guards", "lint", "config",
    "examples", _BODY,
)  # fmt: skip
_MARKER = re.compile(r"=== (?:(placeholder) (\S+)|([a-z]+)( json)?) ===")
_STAMP = re.compile(r"(version|hash):( |$)")
_LIKE_MARKER = re.compile(r"=== .* ===")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_LIKE_ONE = re.compile(r"^(?=\\*=== .* ===$)", re.MULTILINE)
_ESCAPED = re.compile(r"^\\(?=\\*=== .* ===$)", re.MULTILINE)
_UNREADABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ufeff]")
"""What editors and git change or hide. A template that holds any stands in the front matter, escaped."""


@dataclass(frozen=True, slots=True)
class PromptFile:
    """A prompt in a file. `version` and `hash` are those it came from, None for one that is new; `lines` has for each
    message, or the one text, the line of the file (from 1) on which it begins."""

    name: str
    content: Content
    version: int | None
    hash: str | None
    lines: tuple[int, ...]

    @property
    def edited(self) -> bool:
        """Whether it differs from what it came from."""
        return self.content.hash != self.hash


def write(name: str, content: Content, version: int | None = None) -> str:
    """The text of a file. With `version`, the number of the version that has this content."""
    body = _body(content)
    said = content.model_dump(mode="json", exclude_defaults=True)
    config = dict(said.get("config", {}))
    front: Json = {"name": name, "version": version, "hash": None if version is None else content.hash}
    front |= {**said, "type": content.type, "syntax": content.syntax, "lint": config.get("lint")}
    if front["lint"] is not None:
        del config["lint"]
    front |= {"config": config or None, _BODY: said[_BODY] if body is None else None}
    return f"---\n{dump({key: front[key] for key in _KEYS if front.get(key) is not None})}---\n{body or ''}"


def read(text: str, path: Path, name: str | None = None) -> PromptFile:
    """The prompt in the text of the file at `path`, called `name` where the file says no other.

    Raises ConfigError as `file:line: key: what is wrong`.
    """
    text = text.removeprefix("\ufeff")
    if text.startswith("---\r\n"):  # git or an editor changed the ends of all lines
        text = text.replace("\r\n", "\n")
    head, body = _parted(text, path)
    front = Front(path, head)
    said = front.data
    for key in said:
        if key not in _KEYS:
            raise front.error([key], f"there is no such key; there are {', '.join(_KEYS)}")
    name = _named(front, name)
    version, known = _origin(front)
    given = {key: value for key, value in said.items() if key not in (*_ABOUT, "lint")}
    if "lint" in said:
        given["config"] = {**_config(front), "lint": said["lint"]}
    first = head.count("\n") + 2  # the line after the second ---
    lines = _place_body(front, given, body, first)
    try:
        content = Content.model_validate(given)
    except ValidationError as error:
        raise _told(front, error, given, lines) from None
    return PromptFile(name, content, version, known, tuple(lines))


def stamped(text: str, version: int, known: str) -> str:
    """The text of a file with the number and the hash of the version that it is; comments and all else stay."""
    end = "\r\n" if text.removeprefix("\ufeff").startswith("---\r\n") else "\n"
    lines = text.split(end)
    last = lines.index("---", 1)
    front = [line for line in lines[1:last] if not _STAMP.match(line)]
    after = next((number for number, line in enumerate(front, 1) if line.startswith("name:")), 0)
    front[after:after] = dump({"version": version, "hash": known}).splitlines()
    return end.join([lines[0], *front, *lines[last:]])


def _parted(text: str, path: Path) -> tuple[str, str]:
    """The front matter, from the end of line 1 on, and the body."""
    if not text.startswith("---\n"):
        raise ConfigError(f"{path}:1: a prompt file begins with a line of three dashes, and then says what it is.")
    head, dashes, body = text[3:].partition("\n---\n")
    if not dashes and not head.endswith("\n---"):
        raise ConfigError(f"{path}:1: the front matter does not end: it needs a second line of three dashes.")
    return f"{head if dashes else head.removesuffix('---')}\n", body


def _named(front: Front, name: str | None) -> str:
    said = front.data.get("name", name)
    if not isinstance(said, str) or not said:
        raise front.error(["name"], "say the prompt's name, as a text")
    return said


def _origin(front: Front) -> tuple[int | None, str | None]:
    version, known = front.data.get("version"), front.data.get("hash")
    if version is not None and (type(version) is not int or not 1 <= version < 2**31):
        raise front.error(["version"], "must be the number of the version that this came from")
    if known is not None and not isinstance(known, str):
        raise front.error(["hash"], "must be the text that `prompts pull` wrote (in quotes where it is all digits)")
    return (None, None) if version is None or known is None else (version, known)


def _config(front: Front) -> Json:
    config = front.data.get("config", {})
    if not isinstance(config, dict):
        raise front.error(["config"], "must be `key: value` pairs")
    if "lint" in config:
        raise front.error(["lint"], "'config' has it, too; say it once")
    return config


def _place_body(front: Front, given: Json, body: str, first: int) -> list[int]:
    """Put what the body says into `given`; gives the line of each message."""
    if _BODY in given:
        if body.strip():
            raise front.error([_BODY], "the text stands below the front matter, too; say it once")
        whole = given[_BODY]
        steps: list[list[Any]] = [[_BODY, number] for number in range(len(whole))] if isinstance(whole, list) else []
        return [front.line(step) for step in steps or [[_BODY]]]
    begins_so = _LIKE_MARKER.fullmatch(body.lstrip("\n").partition("\n")[0])
    if given.get("type", "chat" if begins_so else "text") == "text":
        given |= {"type": "text", _BODY: body.removesuffix("\n")}
        return [first]
    made, lines = _messages(front, body, first)
    given |= {"type": "chat", _BODY: made}
    return lines


def _messages(front: Front, body: str, first: int) -> tuple[list[Json], list[int]]:
    found, lines = list[tuple[re.Match[str], int, list[str]]](), body.removesuffix("\n").split("\n")
    for number, line in enumerate(lines, first):
        if marker := _MARKER.fullmatch(line):
            found.append((marker, number, []))
        elif _LIKE_MARKER.fullmatch(line):
            raise ConfigError(
                f"{front.path}:{number}: `{line}` begins no message: write the role as in `=== user ===`, "
                f"or a backslash before a line that is text."
            )
        elif found:
            found[-1][2].append(line)
        elif line.strip():
            raise ConfigError(
                f"{front.path}:{number}: a chat begins with a line such as `=== system ===`, and this comes before it."
            )
    if not found:
        raise ConfigError(f"{front.path}:{first}: a chat needs messages: a line such as `=== system ===` begins each.")
    last = len(found) - 1
    made = [
        _message(front, marker, at, said[:-1] if said and not said[-1] and number < last else said)
        for number, (marker, at, said) in enumerate(found)
    ]
    return made, [at + 1 for _, at, _ in found]


def _message(front: Front, marker: re.Match[str], at: int, lines: list[str]) -> Json:
    text = _ESCAPED.sub("", "\n".join(lines))
    if marker[1]:
        if text.strip():
            raise ConfigError(f"{front.path}:{at + 1}: a placeholder has no text: messages take its place.")
        if not _VARIABLE.fullmatch(marker[2]):
            raise ConfigError(f"{front.path}:{at}: `{marker[2]}` is no name of a variable.")
        return {"placeholder": marker[2]}
    if not marker[4]:
        return {"role": marker[3], "content": text}
    try:
        fields = json.loads(text)
    except ValueError as error:
        line = at + getattr(error, "lineno", 1)
        raise ConfigError(f"{front.path}:{line}: this message is no valid JSON: {error}.") from None
    if not isinstance(fields, dict) or "role" in fields:
        raise ConfigError(f"{front.path}:{at + 1}: a message in JSON is an object of its fields but the role.")
    return {"role": marker[3], **fields}


def _body(content: Content) -> str | None:
    """What stands below the front matter; None where it could not be read back exactly."""
    if any(map(_UNREADABLE.search, content.texts)):
        return None
    if isinstance(content.template, str):
        return f"{content.template}\n"
    sections = list[str]()
    for one in content.model_dump(mode="json", exclude_defaults=True)[_BODY]:
        if "placeholder" in one:
            sections.append(f"=== placeholder {one['placeholder']} ===\n")
        elif one.keys() == {"role", "content"} and isinstance(one["content"], str):
            sections.append(f"=== {one['role']} ===\n{_LIKE_ONE.sub(_backslash, one['content'])}\n")
        else:
            fields = json.dumps({k: v for k, v in one.items() if k != "role"}, indent=2, ensure_ascii=False)
            if _UNREADABLE.search(fields):
                return None
            sections.append(f"=== {one['role']} json ===\n{fields}\n")
    return "\n".join(sections)


def _backslash(_: re.Match[str]) -> str:
    return "\\"


def _told(front: Front, error: ValidationError, given: Json, lines: list[int]) -> ConfigError:
    """What is wrong, with the line of the field, or of the message in the body."""
    each = [(place_of(problem["loc"], given), problem["msg"]) for problem in error.errors()]
    place, told = max(each, key=lambda one: len(one[0]))  # where there are alternatives, what came farthest was meant
    line = front.line(place)
    if place[:1] == [_BODY] and _BODY not in front.data:
        number = place[1] if len(place) > 1 and isinstance(place[1], int) else 0
        line = lines[number] - (given["type"] == "chat")  # the line that says whose message it is
    key = ".".join(map(str, place))
    return ConfigError(f"{front.path}:{line}: {f'{key}: ' if key else ''}{told.removeprefix('Value error, ')}.")
