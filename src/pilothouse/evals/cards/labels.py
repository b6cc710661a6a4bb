"""Labels of people from a file: JSON lines or CSV, one label a line. Knows nothing of queues and databases."""

import csv
import io
import math
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from pilothouse.errors import InvalidRequest
from pilothouse.evals.cards.ratings import FAIL, LOSS, PASS, TIE, WIN
from pilothouse.stats.agreement import Label
from pilothouse.types import Json

__all__ = ["HumanLabel", "Vote", "label_of", "read_labels", "read_votes", "renamed"]

_FIELDS = ("case", "label", "criterion", "trial", "annotator")
_VOTE = ("one", "other", "winner", "annotator")
_SAME: dict[str, Label] = {
    "true": PASS, "yes": PASS, "passed": PASS, "false": FAIL, "no": FAIL, "failed": FAIL, "first": WIN, "second": LOSS,
}  # fmt: skip


class HumanLabel(msgspec.Struct, frozen=True, kw_only=True):
    """What one person says of the output of a case in a run: a level, "pass" or "fail", another word, or of a pair
    "win", "tie" or "loss" of the output against the other answer. `criterion` is "" for the verdict as a whole; a label
    that was `decided` stands for all where they did not agree. `other` is the other answer of a pair, None where it is
    whatever the judge compared with."""

    case: str
    label: Label
    criterion: str = ""
    trial: int = 0
    annotator: str = ""
    decided: bool = False
    other: str | None = None


class Vote(msgspec.Struct, frozen=True, kw_only=True):
    """Which of two one person prefers, by their names; `winner` is "" for a tie."""

    one: str
    other: str
    winner: str = ""
    annotator: str = ""


def read_labels(data: bytes, name: str) -> list[HumanLabel]:
    """The labels in a file, whose name ends with `.csv` or else holds JSON lines: `case` and `label`, and where there
    are such `criterion`, `trial` and `annotator`. True and yes are "pass", false and no "fail", first "win", second
    "loss". Raises InvalidRequest that names the line."""
    return [label_of(row, where) for row, where in _rows(data, name)]


def label_of(row: Json, where: str) -> HumanLabel:
    """The label that an object writes, as a line of a file has it. Raises InvalidRequest that begins with `where`."""
    _needed(row, where, _FIELDS, 2)
    trial = row.get("trial") or 0
    try:
        return HumanLabel(
            case=str(row["case"]), label=_value(row["label"], where), criterion=str(row.get("criterion") or ""),
            trial=int(trial), annotator=str(row.get("annotator") or ""),
        )  # fmt: skip
    except (TypeError, ValueError, OverflowError):
        raise InvalidRequest(f"{where}: the trial {trial!r} is no whole number.") from None


def renamed(labels: Sequence[HumanLabel], overall: str | None) -> list[HumanLabel]:
    """The same, where those of the criterion `overall` are of the verdict as a whole."""
    return [
        msgspec.structs.replace(one, criterion="") if overall and one.criterion == overall else one for one in labels
    ]


def read_votes(data: bytes, name: str) -> list[Vote]:
    """Comparisons in a file: `one`, `other` and `winner`, which is the name of one of them, or "tie" or nothing.
    Raises InvalidRequest that names the line."""
    return [_vote(row, where) for row, where in _rows(data, name)]


def _rows(data: bytes, name: str) -> Iterator[tuple[Json, str]]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"{name}: it is not UTF-8 at byte {error.start}.") from None
    yield from _csv(text, name) if name.lower().endswith(".csv") else _lines(text, name)


def _needed(row: Json, where: str, fields: tuple[str, ...], needed: int) -> None:
    missing = [field for field in fields[:needed] if row.get(field) in (None, "")]
    if missing:
        raise InvalidRequest(f"{where}: '{missing[0]}' is missing. There are: {', '.join(fields)}.")


def _csv(text: str, name: str) -> Iterator[tuple[Json, str]]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        for row in reader:
            yield {key: value for key, value in row.items() if key is not None}, f"{name}, line {reader.line_num}"
    except csv.Error as error:
        raise InvalidRequest(f"{name}, line {reader.line_num}: {error}.") from None


def _lines(text: str, name: str) -> Iterator[tuple[Json, str]]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        where = f"{name}, line {number}"
        try:
            row = msgspec.json.decode(line)
        except (msgspec.DecodeError, RecursionError) as error:
            raise InvalidRequest(f"{where}: it is no JSON: {error}.") from None
        if not isinstance(row, dict):
            raise InvalidRequest(f"{where}: it is no JSON object.")
        yield row, where


def _value(given: Any, where: str) -> Label:
    if isinstance(given, bool):
        return PASS if given else FAIL
    if isinstance(given, int | float) and math.isfinite(given):
        return given
    if isinstance(given, str):
        word = given.strip()
        try:
            value = float(word)
        except ValueError:
            folded = word.lower()
            return _SAME.get(folded, folded if folded in (PASS, FAIL, WIN, TIE, LOSS) else word)
        if math.isfinite(value):
            return int(value) if value.is_integer() else value
    raise InvalidRequest(f"{where}: {given!r} is no label: a number, or a word such as pass, fail, win, tie, loss.")


def _vote(row: Json, where: str) -> Vote:
    _needed(row, where, _VOTE, 2)
    one, other = str(row["one"]), str(row["other"])
    winner = "" if row.get("winner") is None else str(row["winner"])
    winner = "" if winner.lower() == TIE and TIE not in (one, other) else winner
    if winner not in ("", one, other) or one == other:
        raise InvalidRequest(f"{where}: the winner {winner!r} is neither of two different names, nor 'tie'.")
    return Vote(one=one, other=other, winner=winner, annotator=str(row.get("annotator") or ""))
