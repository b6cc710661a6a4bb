"""Prompts to lint from files, folders and bare texts: prompt files with front matter, and templates as they are."""

import re
from collections.abc import Iterator
from pathlib import Path

from pilothouse.errors import ConfigError, InvalidRequest
from pilothouse.prompts.content import MOST_CONTENT, Content, content_of
from pilothouse.prompts.files import read
from pilothouse.prompts.lint.cost import Costs
from pilothouse.prompts.lint.draft import Draft, Syntax
from pilothouse.prompts.lint.finding import Finding
from pilothouse.prompts.lint.linter import Report, draft_of

__all__ = ["SUFFIXES", "draft_of_text", "drafts_in"]

SUFFIXES = (".md", ".prompt", ".txt", ".jinja", ".jinja2", ".j2", ".mustache")
"""Files that a folder is searched for."""
_SYNTAXES: dict[str, Syntax] = {".jinja": "jinja", ".jinja2": "jinja", ".j2": "jinja", ".mustache": "mustache"}
_JINJA = re.compile(r"\{%|\{#|\{\{[^{}]*\}\}")
_MUSTACHE = re.compile(r"\{\{[#^/!>&]")
_FIELD = re.compile(r"(?<![{$])\{[A-Za-z_]\w{0,63}\}(?!\})")
_PLAIN = (".md", ".txt")
_MOST_FILES = 10_000


def drafts_in(path: Path, syntax: Syntax | None = None) -> Iterator[Draft | Report]:
    """The prompt of the file, or those of a folder and of the folders in it, by name; of a file that holds none, what
    is told of it. In a folder, Markdown and text files without front matter are no prompts."""
    for one in _files_in(path):
        try:
            text = _text(one)
            if one == path or one.suffix not in _PLAIN or text.startswith(("---\n", "---\r\n")):
                yield draft_of_text(text, one, syntax)
        except ConfigError as error:
            yield _unreadable(one, error)


def _files_in(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = sorted(
        one for one in path.rglob("*") if one.suffix in SUFFIXES and one.is_file() and not _hidden(one, path)
    )
    if len(found) > _MOST_FILES:
        raise ConfigError(f"{path}: has {len(found):,} files; the limit is {_MOST_FILES:,}. Name the folders in it.")
    return found


def _unreadable(path: Path, error: ConfigError) -> Report:
    """One error, so that the other files are looked at all the same."""
    place = re.match(re.escape(str(path)) + r":(?:(\d+):)? ?", error.message)
    line = int(place[1] or 1) if place else 1
    found = Finding(
        "P000", "unreadable-file", "error", str(path), None, line, 1, 0, 0,
        error.message[place.end() :] if place else error.message, "Nothing else of this file was looked at.",
        "How a file must look: docs/prompt-git.md.",
    )  # fmt: skip
    return Report(str(path), [found], Costs(0, 0, 0, 0, 0, [], ""))


def draft_of_text(text: str, path: Path, syntax: Syntax | None = None) -> Draft:
    """The draft of a prompt file's text; of a bare template where it has no front matter. Its syntax is then `syntax`,
    else that of the file's suffix, else the one that it looks like."""
    if text.startswith(("---\n", "---\r\n")):
        told = read(text, path, name=path.stem)
        try:
            return draft_of(told.content, str(path), told.lines)
        except InvalidRequest as error:
            raise ConfigError(f"{path}: {error.message}") from None
    told_syntax = syntax or _SYNTAXES.get(path.suffix) or _looks_like(text)
    try:
        content: Content = content_of({"template": text, "syntax": told_syntax})
    except InvalidRequest as error:
        raise ConfigError(f"{path}: {error.message}") from None
    return draft_of(content, str(path))


def _looks_like(text: str) -> Syntax:
    if _MUSTACHE.search(text) and "{%" not in text:
        return "mustache"
    return "format" if _FIELD.search(text) and not _JINJA.search(text) else "jinja"


def _hidden(one: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in one.relative_to(folder).parts)


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MOST_CONTENT:
            raise ConfigError(f"{path}: has more than {MOST_CONTENT:,} bytes, which no prompt may.")
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: is not UTF-8 text.") from None
