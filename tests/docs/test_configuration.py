"""docs/reference/configuration.md against the code: the keys of every table, their types and their defaults."""

import re
from collections.abc import Iterator
from dataclasses import fields
from decimal import Decimal
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin

import pytest
import yaml
from annotated_types import Ge, Gt, Le
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from pilothouse.config import Config
from pilothouse.plugins import Registry
from pilothouse.settings import Settings, unknown_variables

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "configuration.md"
SECTION = re.compile(r"^#{2,3} (.+?)\n(.*?)(?=^#{2,3} |\Z)", re.MULTILINE | re.DOTALL)
BRANCHES = ("<name>", "<alias>")
TOP = "top level"
VARIABLE = re.compile(r"\bPILOTHOUSE_[A-Z_]*[A-Z]\b")
PLURALS = {str: "texts", float: "numbers"}
NAMES = {str: "text", int: "integer", float: "number", Decimal: "number", bool: "true or false"}


class Section(NamedTuple):
    title: str
    places: list[str]
    rows: list[list[str]]


def sections() -> dict[str, Section]:
    """Sections by title. The places are named where the first paragraph begins with `At`."""
    found = {}
    for title, body in SECTION.findall(PAGE.read_text()):
        first = re.match(r"\s*At (.*?)[.;]\s", body, re.DOTALL)
        said = first.group(1) if first else ""
        places = [""] if said == f"the {TOP}" else re.findall(r"`([^`]+)`", said)
        lines = [line for line in body.splitlines() if line.startswith("|")]
        rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
        found[title] = Section(title, places, [row for row in rows if row[0].startswith("`")])
    return found


SECTIONS = sections()


def inner(kind: Any) -> Any:
    """What may stand there, None aside."""
    if get_origin(kind) in (UnionType, Union):
        (kind,) = (one for one in get_args(kind) if one is not NoneType)
    return kind


def bare(kind: Any) -> Any:
    """Without what `Annotated` says."""
    return get_args(kind)[0] if hasattr(kind, "__metadata__") else kind


def walk(model: type[BaseModel], place: str) -> Iterator[tuple[str, type[BaseModel]]]:
    """Every place of the configuration that has keys of its own."""
    yield place, model
    for name, field in model.model_fields.items():
        kind, below = inner(field.annotation), f"{place}.{name}".lstrip(".")
        if get_origin(kind) is list:
            kind, below = get_args(kind)[0], f"{below}[]"
        elif get_origin(kind) is dict:
            kind, below = get_args(kind)[1], f"{below}.{BRANCHES[name == 'models']}"
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from walk(kind, below)


PLACES = dict(walk(Config, ""))
TABLES = {place: section for section in SECTIONS.values() for place in section.places if not place.endswith(".options")}
FIELDS = [(place, name) for place, model in PLACES.items() for name in model.model_fields]


def key_of(row: list[str]) -> str:
    return row[0].strip("`")


def bounded(words: str, said: list[Any]) -> str:
    """`words` with the bounds among `said`, as the page writes them."""
    bounds = {type(one): getattr(one, type(one).__name__.lower()) for one in said if isinstance(one, Ge | Gt | Le)}
    if Le in bounds:
        return f"{words} from {bounds[Ge]:g} to {bounds[Le]:g}"
    if Ge in bounds:
        return f"{words} ≥ {bounds[Ge]}"
    return f"{words} > {bounds[Gt]}" if Gt in bounds else words


def type_of(field: FieldInfo) -> str:
    """As the page writes it, without links and units."""
    kind, said = inner(field.annotation), list(field.metadata)
    said += getattr(kind, "__metadata__", [])
    said = [one for each in said for one in getattr(each, "metadata", [each])]
    kind = bare(kind)
    if get_origin(kind) is Literal:
        *most, last = (f"`{one}`" for one in get_args(kind))
        return f"{', '.join(most)} or {last}"
    if get_origin(kind) in (list, dict):
        what, of = get_origin(kind), get_args(kind)[-1]
        collection = "list of" if what is list else "map of"
        return "map" if of is Any else f"{collection} {PLURALS.get(of, of.__name__)}"
    return bounded(NAMES.get(kind, kind.__name__), said)


def default_of(field: FieldInfo) -> Any:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    return value.model_dump(exclude_defaults=True) if isinstance(value, BaseModel) else value


def stated(cell: str) -> Any:
    """The default that a cell states: a YAML value in backticks, or a word."""
    written = re.match(r"`([^`]*)`", cell)
    return yaml.safe_load(written.group(1)) if written else {"none": None}.get(cell, cell)


def test_every_place_has_its_section_and_every_section_its_place() -> None:
    assert set(TABLES) == set(PLACES)


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place or TOP)
def test_a_section_names_the_keys_that_there_are(place: str) -> None:
    assert [key_of(row) for row in TABLES[place].rows] == list(PLACES[place].model_fields)


@pytest.mark.parametrize(("place", "name"), FIELDS)
def test_types_and_defaults_are_those_of_the_code(place: str, name: str) -> None:
    (row,) = (row for row in TABLES[place].rows if key_of(row) == name)
    field = PLACES[place].model_fields[name]
    written, expected = re.sub(r" \([^()]*\)$", "", row[1]), type_of(field)
    link = re.search(r"\[[^]]+\]\(#([^)]+)\)", written)
    if link:
        titles = {title.lower().replace(" ", "-"): section for title, section in SECTIONS.items()}
        model = {PLACES[at].__name__ for at in titles[link.group(1)].places}
        written = re.sub(r"\[[^]]+\]\(#[^)]+\)", *model, written)
    assert written == expected
    default = default_of(field)
    assert stated(row[2]) == (list(default) if isinstance(default, tuple) else default)


def test_the_options_of_each_kind() -> None:
    registry = Registry("pilothouse.providers")
    known = {
        (kind, option) for kind in registry.names() for option in getattr(registry.get(kind), "known_options", ()) or ()
    }
    rows = SECTIONS["Options"].rows
    assert {(row[0].strip("`"), row[1].strip("`")) for row in rows} == known
    assert len(rows) == len(known)


def environment(columns: int) -> dict[str, list[str]]:
    return {key_of(row): row for row in SECTIONS["Environment"].rows if len(row) == columns}


def test_every_setting_has_its_variable_with_its_default() -> None:
    rows, start = environment(4), Settings.from_env({})
    assert set(rows) == {f"PILOTHOUSE_{field.name.upper()}" for field in fields(Settings)}
    for field in fields(Settings):
        variable = f"PILOTHOUSE_{field.name.upper()}"
        written = re.match(r"`([^`]+)`", rows[variable][2])
        assert written or not getattr(start, field.name), variable
        if written:
            read = Settings.from_env({variable: written.group(1)})
            assert getattr(read, field.name) == getattr(start, field.name), variable


def test_every_other_variable_is_named() -> None:
    sources = "\n".join(path.read_text() for path in (ROOT / "src" / "pilothouse").rglob("*.py"))
    read = set(VARIABLE.findall(sources))
    others = {name for name in read if not unknown_variables({name: "1"})} - set(environment(4))
    assert set(environment(2)) == others
    assert unknown_variables(dict.fromkeys(VARIABLE.findall(PAGE.read_text()), "1")) == []
