"""A prompt as the linter sees it: its messages with their place in a file, its variables, model and parameters.

Knows nothing of where prompts are kept, nor of rules.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from pilothouse.prompts.lint.pieces import Piece, split

__all__ = ["Declared", "Draft", "Part", "Spot", "Syntax"]

Syntax = Literal["jinja", "mustache", "format"]
_MOST_PLACES = 300  # of variables in one message: what surrounds each is read
_CLOSED = frozenset(("integer", "number", "boolean", "messages"))


@dataclass(frozen=True, slots=True)
class Declared:
    """What a prompt says of a variable. `untrusted` is None where it says nothing."""

    type: str = "string"
    untrusted: bool | None = None
    enum: Sequence[Any] | None = None
    default: Any = None
    max_chars: int | None = None

    @property
    def closed(self) -> bool:
        """Nobody can write a sentence into it."""
        return self.type in _CLOSED or self.enum is not None


@dataclass(frozen=True)
class Part:
    """One message, or the whole of a text prompt, whose `index` is None and whose role is `text`.

    `line` is the line of the file on which its text begins; each of its lines is indented there by `indent` columns.
    """

    role: str
    text: str
    syntax: Syntax
    index: int | None = None
    line: int = 1
    indent: int = 0

    @cached_property
    def pieces(self) -> list[Piece]:
        """Its text, variables, tags and comments, in order."""
        return split(self.text, self.syntax)

    @cached_property
    def prose(self) -> str:
        """Its text alone, everything else being spaces: offsets are those of `text`."""
        return "".join(
            piece.text if piece.kind == "text" else "".join("\n" if c == "\n" else " " for c in piece.text)
            for piece in self.pieces
        )

    @cached_property
    def inserted(self) -> list[Piece]:
        """The places at which a variable is written out, the first few hundred of them."""
        return [piece for piece in self.pieces if piece.kind == "variable"][:_MOST_PLACES]

    def place(self, offset: int) -> tuple[int, int]:
        """(line, column) in the file, both from 1, of an offset into `text`."""
        before = self.text[:offset]
        return self.line + before.count("\n"), offset - (before.rfind("\n") + 1) + 1 + self.indent


@dataclass(frozen=True, slots=True)
class Spot:
    """Where something is: `part.text[start:end]`."""

    part: Part
    start: int
    end: int


@dataclass(frozen=True)
class Draft:
    """`variables` is None where the prompt declares none at all: then which there should be is not known.

    `disabled` are codes, or beginnings of codes, that the prompt's own settings switch off. `name` is what findings
    call it, such as the path of its file. `named` are the variables that rendering would ask for, None where the
    template cannot be read; `faults` are then why: (index of the message, line of its text, what is wrong). `included`
    are the texts that it takes in, where they are known.
    """

    name: str
    parts: Sequence[Part]
    syntax: Syntax = "jinja"
    variables: Mapping[str, Declared] | None = None
    model: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    tools: Sequence[Any] = ()
    response_format: Mapping[str, Any] | None = None
    examples: Sequence[Any] = ()
    placeholders: Sequence[str] = ()
    disabled: Sequence[str] = ()
    named: frozenset[str] | None = None
    faults: Sequence[tuple[int | None, int, str]] = ()
    included: Sequence[Part] = ()

    @cached_property
    def prose(self) -> str:
        """The text of all messages, and of what they include, without variables, tags and comments."""
        return "\n".join(part.prose for part in (*self.parts, *self.included))

    @cached_property
    def used(self) -> dict[str, Spot]:
        """The variables that it uses, each where it stands first."""
        found: dict[str, Spot] = {}
        for part in self.parts:
            for piece in part.pieces:
                for name in piece.names:
                    found.setdefault(name, Spot(part, piece.start, piece.end))
        return found

    @cached_property
    def includes(self) -> bool:
        """Whether it takes in other prompts, whose text is not seen here."""
        return not self.included and any(piece.kind == "include" for part in self.parts for piece in part.pieces)

    @cached_property
    def main(self) -> Part:
        """Where the instructions are: the first system message, else the part with the most text."""
        system = next((part for part in self.parts if part.role in ("system", "developer")), None)
        return system or max(
            self.parts, key=lambda part: len(part.prose.strip()), default=Part("text", "", self.syntax)
        )

    @property
    def starts_a_chat(self) -> bool:
        """Whether what it works on comes in other messages: it has a system message, or takes in nothing itself."""
        return self.main.role in ("system", "developer") or not any(part.inserted for part in self.parts)

    def line_of(self, message: int | None, line: int) -> Spot:
        """A line (from 1) of a message's text."""
        part = next((part for part in self.parts if part.index == message), self.main)
        lines = part.text.split("\n")
        line = max(1, min(line, len(lines)))
        start = sum(len(one) + 1 for one in lines[: line - 1])
        return Spot(part, start, start + len(lines[line - 1]))

    def declared(self, name: str) -> Declared | None:
        """What is said of a variable, if anything is."""
        return (self.variables or {}).get(name)
