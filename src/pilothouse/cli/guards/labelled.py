"""Labelled texts from a file, their vectors, and reports as people read them."""

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pilothouse.cli.context import in_json
from pilothouse.errors import InvalidRequest
from pilothouse.types import Json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pilothouse.app import Platform
    from pilothouse.guards.heads.training import Labelled
    from pilothouse.models.heads import Head

__all__ = ["bags_of", "head_of", "read", "show"]

_AT_ONCE = 32
_SHIPPED = ("injection", "toxicity")


def read(path: Path) -> "list[Labelled]":
    """The labelled texts of a file. Raises InvalidRequest naming the line."""
    from pilothouse.guards.heads.training import Labelled  # noqa: PLC0415 - numpy, which the help does not need

    found: dict[str, Labelled] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        if not line.strip():
            continue
        try:
            given = json.loads(line)
            text, label = given["text"], given["label"]
            if not isinstance(text, str) or not text.strip() or label not in (0, 1):
                raise ValueError("'text' must be a text and 'label' 0 or 1")
        except (ValueError, KeyError, TypeError) as error:
            raise InvalidRequest(f"{path}:{number}: is no labelled text ({error!r}).") from None
        if text in found and found[text].label != int(label):
            raise InvalidRequest(f"{path}:{number}: this text stands before with the other label.")
        found[text] = Labelled(text, int(label), str(given.get("group", "")))
    if not found:
        raise InvalidRequest(f"{path}: holds no labelled texts.")
    return [*found.values()]


def head_of(guard: str) -> "Head":
    """The head of a guard by its name, or of a file. Raises InvalidRequest, ConfigError."""
    from pilothouse.models.heads import Head  # noqa: PLC0415 - numpy, which the help does not need

    if guard in _SHIPPED:
        return Head.shipped(guard)
    if not Path(guard).exists():
        raise InvalidRequest(f"'{guard}' is neither a file nor a head that ships: {', '.join(_SHIPPED)}.")
    return Head.load(Path(guard))


def bags_of(platform: "Platform", texts: "Sequence[str]") -> list[Any]:
    """The vectors of each text as its guard reads them."""
    import numpy as np  # noqa: PLC0415 - not needed for the help

    from pilothouse.call import Call  # noqa: PLC0415 - with numpy
    from pilothouse.guards.heads.vectors import vectors_of  # noqa: PLC0415
    from pilothouse.protocols import Conversation, Models, Subject  # noqa: PLC0415

    models = Models(make_call=lambda: Call(platform.recorder), encode=platform.encode)

    async def encoded() -> list[Any]:
        bags: list[Any] = []
        for at in range(0, len(texts), _AT_ONCE):
            subjects = [
                Subject(one, "input", conversation=Conversation(models=models)) for one in texts[at : at + _AT_ONCE]
            ]
            found = await asyncio.gather(*(vectors_of(one) for one in subjects))
            bags += [np.asarray(one.rows, dtype=np.float64) for one in found]
        return bags

    return platform.run(encoded())


def show(told: Json, *, as_json: bool) -> None:
    """One report, or those of before and after."""
    if as_json:
        click.echo(in_json(told))
        return
    for name, one in told.items() if "before" in told else [("", told)]:
        click.echo(f"{name + ': ' if name else ''}{one['positives']} positives, {one['negatives']} negatives")
        click.echo(f"  AUROC                 {_share(one, 'auroc')}")
        click.echo(f"  recall at 1 % FPR     {_share(one, 'recall_at_1_percent')}")
        click.echo(f"  at its threshold of {one['threshold']:.4g}: recall {_number(one['recall'])}, "
                   f"false positives {_number(one['false_positive_rate'])}")  # fmt: skip
        click.echo(f"  calibration error     {_number(one['calibration_error'])}")


def _share(one: Json, name: str) -> str:
    if one[name] is None:
        return "unknown: both labels are needed"
    low, high = one[f"{name}_95"]
    return f"{one[name]:.3f}  (95 %: {low:.3f} to {high:.3f})"


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3f}"
