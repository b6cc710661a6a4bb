"""One render while it runs: what it has cost, what it has written, and where it stands."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pilothouse.prompts.templates.limits import CHARS_A_STEP, MAX_OUTPUT, MAX_STEPS
from pilothouse.prompts.templates.spotlight import apart, seed_of
from pilothouse.prompts.templates.values import Untrusted, level_of, shown, tainted

__all__ = [
    "EASY",
    "Compiled",
    "Expression",
    "Fault",
    "Inclusion",
    "Part",
    "Run",
    "Scope",
    "Statement",
    "Undefined",
    "Use",
    "include",
]

Scope = dict[str, Any]
EASY = frozenset((int, float, bool, type(None)))
"""Types of values that weigh nothing."""
_HOLDERS = (list, dict)


class Fault(Exception):
    """A template does what it may not; the message is a sentence."""


class Undefined(Fault):
    """It reads what there is not."""


class Run:
    """The budget and the output of a render. `parts` are the prompts included, by reference; `given` are its variables,
    of which delimiters are made. `where` and `line` say what is being evaluated."""

    __slots__ = ("_seed", "chars", "given", "line", "parts", "steps", "where", "written")

    def __init__(self, parts: Mapping[str, "Part"], given: Scope) -> None:
        self.parts, self.given, self._seed = parts, given, ""
        self.steps = self.chars = 0
        self.line = 1
        self.where = ""
        self.written: list[str] = []

    def charge(self, steps: int) -> None:
        """Raises Fault once the render is past MAX_STEPS."""
        self.steps += steps
        if self.steps > MAX_STEPS:
            raise Fault(f"the template takes more than {MAX_STEPS:,} steps: loop less, or pass less.")

    def charge_text(self, chars: int) -> None:
        """Before a text of this length is made. Raises Fault where it may not be."""
        if chars > MAX_OUTPUT:
            raise Fault(f"a text of {chars:,} characters is longer than the {MAX_OUTPUT:,} that a template may make.")
        self.charge(1 + chars // CHARS_A_STEP)

    def weigh(self, value: Any) -> int:
        """Charges a step for each value in `value` and for each 256 characters; gives the highest level in it."""
        return self.measure(value)[0]

    def measure(self, value: Any) -> tuple[int, int]:
        """As `weigh`, and the characters of all texts in it."""
        if isinstance(value, str):
            self.charge(1 + len(value) // CHARS_A_STEP)
            return level_of(value), len(value)
        if not isinstance(value, _HOLDERS):
            self.charge(1)
            return 0, 0
        level, chars, stack = 0, 0, [value]
        while stack:
            held = stack.pop()
            self.charge(1 + len(held))
            for item in (*held, *held.values()) if isinstance(held, dict) else held:
                if isinstance(item, str):
                    level = max(level, level_of(item))
                    chars += len(item)
                    self.charge(len(item) // CHARS_A_STEP)
                elif isinstance(item, _HOLDERS):
                    stack.append(item)
        return level, chars

    def text(self, value: Any) -> str:
        """A value as Jinja writes it, untrusted where anything in it is."""
        if isinstance(value, str):
            return value
        level, chars = self.measure(value)
        self.charge_text(chars)
        made: str = tainted(shown(value), level)
        return made

    def write(self, text: str) -> None:
        """Raises Fault once more than MAX_OUTPUT is written."""
        self.chars += len(text)
        if self.chars > MAX_OUTPUT:
            raise Fault(f"what is rendered is longer than {MAX_OUTPUT:,} characters.")
        self.written.append(text)

    def emit(self, value: Any) -> None:
        """Writes a value; an untrusted one set apart."""
        kind = type(value)
        if kind in EASY:
            self.write(str(value))
            return
        if kind is str:
            if len(value) > CHARS_A_STEP:
                self.charge(len(value) // CHARS_A_STEP)
            self.write(value)
            return
        text = self.text(value)
        self.charge(len(text) // CHARS_A_STEP)
        self.write(self._apart(text) if isinstance(text, Untrusted) else text)

    def _apart(self, text: Untrusted) -> str:
        self._seed = self._seed or seed_of(self.given)
        return apart(text, self._seed)

    def taken(self) -> str:
        """What was written since it was last asked."""
        text = "".join(self.written)
        self.written = []
        return text


Expression = Callable[[Scope, Run], Any]
Statement = Callable[[Scope, Run], None]


@dataclass(frozen=True, slots=True)
class Use:
    """Where a template first names a variable. Not `required` where it only asks whether there is one."""

    line: int
    required: bool


@dataclass(frozen=True, slots=True)
class Inclusion:
    """Another prompt that a template includes; `bound` are the names that it has set itself at that place, None where
    only the data can tell."""

    reference: str
    line: int
    bound: frozenset[str] | None = frozenset()


@dataclass(frozen=True, slots=True)
class Compiled:
    """A template that was read. `nodes` is what evaluating each part of it once costs, in steps."""

    run: Statement
    uses: Mapping[str, Use]
    includes: tuple[Inclusion, ...]
    nodes: int


@dataclass(frozen=True, slots=True)
class Part:
    """A prompt that is included: `label` is `name@number`, `untrusted` the level of each name that it calls so."""

    label: str
    compiled: Compiled
    content: Any
    untrusted: tuple[tuple[str, int], ...] = ()


def include(reference: str) -> Statement:
    """Writes the part of that name where it stands, with the same names in scope."""

    def run_part(scope: Scope, run: Run) -> None:
        part = run.parts[reference]
        run.charge(part.compiled.nodes + 1)
        here = run.where, run.line
        run.where, run.line = part.label, 1
        inner = dict(scope)
        for name, level in part.untrusted:
            if name in inner:
                inner[name] = tainted(inner[name], level)
        part.compiled.run(inner, run)
        run.where, run.line = here

    return run_part
