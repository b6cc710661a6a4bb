"""Forms as the pages send and show them: fields by name, and limits, budgets and policies written as fields.

A form is taken only with the token of the session that it was shown to. Knows nothing of pages.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, TypeVar, get_args
from urllib.parse import parse_qs

from fastapi import Depends
from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from pilothouse.access.shapes import PolicyRules
from pilothouse.config import Budget, Limits, Period
from pilothouse.console.visitor import guest
from pilothouse.errors import BodyTooLarge, Forbidden, InvalidRequest
from pilothouse.types import Json

__all__ = [
    "UNSTORABLE",
    "Fields",
    "Sent",
    "Uploaded",
    "expiry",
    "limits_and_budgets",
    "policy",
    "read_fields",
    "shown",
    "stated",
    "written_time",
]

UNSTORABLE = "\ufffd"
"""What stands for a NUL, which Postgres refuses even to look for."""

_LARGEST = 1024 * 1024
_LARGEST_UPLOAD = 8 * 1024 * 1024
_MOST_FIELDS = 1000
_LIMITS = tuple(Limits.model_fields)
_PERIODS: tuple[Period, ...] = get_args(Period)
_VALUE_ERROR = "Value error, "

M = TypeVar("M", bound=BaseModel)


class Fields:
    """The fields of a form. Text that was sent, or that is there to be changed."""

    def __init__(self, values: Mapping[str, Sequence[str]] | None = None) -> None:
        self._values = dict(values or {})

    def get(self, name: str, default: str = "") -> str:
        """The first value of a field, without blanks around it."""
        return self.raw(name, default).strip()

    def raw(self, name: str, default: str = "") -> str:
        """The first value of a field as it was sent."""
        return next(iter(self._values.get(name, ())), default)

    def all(self, name: str) -> list[str]:
        """Every value of a field."""
        return [value.strip() for value in self._values.get(name, ())]

    def raws(self, name: str) -> list[str]:
        """The same as they were sent."""
        return list(self._values.get(name, ()))

    def also(self, **values: str | Sequence[str]) -> "Fields":
        """The same with these fields in place of theirs."""
        given = {name: [value] if isinstance(value, str) else list(value) for name, value in values.items()}
        return Fields({**self._values, **given})

    def brief(self, name: str, most: int = 2000) -> str:
        """As `get`. Raises InvalidRequest where it is longer than the field allows."""
        text = self.get(name)
        if len(text) > most:
            raise InvalidRequest(f"{name}: {len(text):,} characters are more than {most:,}.", param=name)
        return text

    def chosen(self, name: str, among: Sequence[str], usual: str = "") -> str:
        """The value of a field that is one of these; `usual` where it is empty. Raises InvalidRequest for another: an
        act that nobody chose is not done."""
        value = self.get(name) or usual
        if value not in among:
            raise InvalidRequest(f"{name}: must be one of {', '.join(among)}.", param=name)
        return value

    def words(self, name: str) -> list[str]:
        """A field that holds a list, by lines, blanks or commas."""
        return self.get(name).replace(",", " ").split()

    def budgets(self) -> list[dict[str, str]]:
        """The rows of budgets to show: those that are given, and an empty one for each period that has none."""
        names = ("period", "usd", "tokens", "alert")
        rows = [
            dict(zip(names, row, strict=True))
            for row in zip(*(self.all(f"budget_{name}") for name in names), strict=False)
        ]
        without = [period for period in _PERIODS if period not in {row["period"] for row in rows}]
        rows += [{"period": period, "usd": "", "tokens": "", "alert": "80"} for period in without]
        return sorted(rows, key=lambda row: (*_PERIODS, row["period"]).index(row["period"]))


async def read_fields(request: Request, largest: int = _LARGEST) -> Fields:
    """The fields of an urlencoded form. Raises BodyTooLarge or InvalidRequest."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > largest:
            raise BodyTooLarge(f"The form is larger than {largest:,} bytes.")
    try:
        found = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
        return Fields({name: [value.replace("\0", UNSTORABLE) for value in some] for name, some in found.items()})
    except ValueError:
        raise InvalidRequest(f"The form has more than {_MOST_FIELDS} fields.") from None


async def _sent(request: Request) -> Fields:
    return await _own(request, _LARGEST)


async def _uploaded(request: Request) -> Fields:
    return await _own(request, _LARGEST_UPLOAD)


async def _own(request: Request, largest: int) -> Fields:
    fields = await read_fields(request, largest)
    if not guest(request).sent(fields.get("token")):
        raise Forbidden("This form was not sent by a page of this session. Open the page again.")
    return fields


Sent = Annotated[Fields, Depends(_sent)]
"""A form of the visitor's own session."""

Uploaded = Annotated[Fields, Depends(_uploaded)]
"""The same with the text of a file in it: 8 MiB at most, as the form writes them."""


def stated(kind: type[M], values: Json) -> M:
    """A model from what a form says. Raises InvalidRequest with every problem, each with its field."""
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        problems = [f"{_named(e['loc'])}: {str(e['msg']).removeprefix(_VALUE_ERROR)}." for e in error.errors()]
        raise InvalidRequest("\n".join(problems)) from None


def limits_and_budgets(fields: Fields) -> Json:
    """`limits` and `budgets` as plain data, from the fields that `shown` writes. Raises InvalidRequest."""
    limits = {name: fields.get(name) for name in _LIMITS if fields.get(name)}
    budgets = []
    for row in fields.budgets():
        if row["usd"] or row["tokens"]:
            given = {name: row[name] for name in ("usd", "tokens") if row[name]}
            budgets.append({"period": row["period"], **given, "alert_at": _share(row["alert"])})
    return {"limits": limits, "budgets": budgets}


def policy(fields: Fields) -> Json:
    """A policy as plain data."""
    lists = {name: fields.words(name) for name in ("models", "endpoints", "networks")}
    return {**lists, "cache": fields.get("cache") == "yes"}


def expiry(fields: Fields, before: int | None = None) -> int | None:
    """The moment (UTC us) that the field `expires` names; `before`, to the microsecond, where it was left as it was.

    Raises InvalidRequest.
    """
    text = fields.get("expires")
    if not text:
        return None
    if text == written_time(before):
        return before
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidRequest("expires: must be a date and a time, such as 2030-01-31T12:00.") from None
    return round(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()) * 1_000_000


def written_time(us: int | None) -> str:
    """A moment as a field of a form holds it, in UTC."""
    return "" if us is None else datetime.fromtimestamp(us // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def shown(limits: Limits, budgets: Sequence[Budget], rules: PolicyRules | None = None, **more: str) -> Fields:
    """What is there, as the fields of a form."""
    values = {name: [_text(getattr(limits, name))] for name in _LIMITS}
    values |= {
        "budget_period": [b.period for b in budgets], "budget_usd": [_text(b.usd) for b in budgets],
        "budget_tokens": [_text(b.tokens) for b in budgets],
        "budget_alert": [f"{b.alert_at * 100:g}" for b in budgets],
    }  # fmt: skip
    if rules is not None:
        values |= {name: ["\n".join(getattr(rules, name))] for name in ("models", "endpoints", "networks")}
        values["cache"] = ["yes" if rules.cache else ""]
    return Fields(values | {name: [value] for name, value in more.items()})


def _text(value: object) -> str:
    return "" if value is None else f"{value:f}" if isinstance(value, Decimal) else f"{value}"


def _share(percent: str) -> Any:
    try:
        return round(float(percent or "80") / 100, 6)
    except ValueError:
        raise InvalidRequest("alert at: must be a number of percent, from 0 to 100.") from None


def _named(place: Sequence[int | str]) -> str:
    """A field as people read it: `budgets.0.usd` is `budget 1: usd`."""
    words = [str(step).replace("_", " ") if isinstance(step, str) else str(step + 1) for step in place]
    return " ".join(words) or "form"
