"""`pilothouse router`: train the head that tells hard requests from easy ones, and see what it would save and lose."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pilothouse.cli.context import Context, pass_context
from pilothouse.errors import InvalidRequest
from pilothouse.types import ChatRequest, Json

if TYPE_CHECKING:
    from pilothouse.app import Platform
    from pilothouse.gateway.routing.training import Pair

__all__ = ["router"]

_FIELDS = ("simple_score", "complex_score")
_BATCH = 256


@click.group()
def router() -> None:
    """Train and judge the choice between a simple and a complex model.

    PAIRS is a file of JSON lines, one request that both models answered: {"query": "...", "simple_score": 0.7,
    "complex_score": 0.9, "simple_cost": 0.0001, "complex_cost": 0.002, "group": "user 7"}. Scores go from 0 to 1; the
    costs (USD) and the group (what must stay in one split) may be left out.
    """


@router.command()
@click.argument("pairs", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--target", type=click.FloatRange(0, 1), default=0.95, show_default=True, help="Quality to keep.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), default=Path("difficulty.json"))
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@pass_context
def train(context: Context, pairs: Path, target: float, out: Path, as_json: bool) -> None:
    """Train a head on PAIRS, with a threshold that keeps the target share of the complex model's score."""
    from pilothouse.gateway.routing import training  # noqa: PLC0415 - numpy, which the help does not need

    read = _read(pairs)
    with context.looking() as platform:
        head, held_out = training.train(read, _rows(platform, read), target)
    head.save(out)
    _show(held_out, as_json)
    if not as_json:
        click.echo(f"\nWritten to {out}. Name it in the alias: {{strategy: complexity, ..., head: {out}}}")


@router.command()
@click.argument("pairs", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--head", "head_file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A trained one."
)
@click.option("--threshold", type=click.FloatRange(0, 1), help="In place of the head's own.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@pass_context
def report(context: Context, pairs: Path, head_file: Path | None, threshold: float | None, as_json: bool) -> None:
    """Say what routing PAIRS by a head would have saved and lost. Use requests that it was not trained on."""
    from pilothouse.gateway.routing import training  # noqa: PLC0415 - numpy, which the help does not need
    from pilothouse.models.heads import Head  # noqa: PLC0415

    read = _read(pairs)
    head = Head.load(head_file) if head_file else Head.shipped("difficulty")
    with context.looking() as platform:
        chances = head.probabilities(_rows(platform, read))
    _show(training.report(read, chances, head.threshold if threshold is None else threshold), as_json)


def _read(path: Path) -> "list[Pair]":
    """The pairs of a file. Raises InvalidRequest naming the line."""
    from pilothouse.gateway.routing.training import Pair  # noqa: PLC0415 - numpy, which the help does not need

    pairs = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            given = json.loads(line)
            low, high = (_score(given, name) for name in _FIELDS)
            costs = given.get("simple_cost"), given.get("complex_cost")
            pairs.append(Pair(_query(given), low, high, *costs, str(given.get("group", ""))))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InvalidRequest(f"{path}:{number}: is no pair of scores ({error!r}).") from None
    if not pairs:
        raise InvalidRequest(f"{path}: holds no pairs.")
    return pairs


def _query(given: Json) -> str:
    if "query" in given:
        return str(given["query"])
    return ChatRequest({"model": "", "messages": given["messages"]}).last_user_text()


def _score(given: Json, name: str) -> float:
    value = float(given[name])
    if not 0 <= value <= 1:
        raise ValueError(f"{name} is not between 0 and 1")
    return value


def _rows(platform: "Platform", pairs: "Sequence[Pair]") -> Any:
    import numpy as np  # noqa: PLC0415 - not needed for the help

    from pilothouse.gateway.routing.difficulty import row  # noqa: PLC0415

    async def encoded() -> Any:
        texts = [pair.text[:2000] for pair in pairs]
        return [vector for i in range(0, len(texts), _BATCH) for vector in await platform.encode(texts[i : i + _BATCH])]

    vectors = platform.run(encoded())
    asked = [ChatRequest({"model": "", "messages": [{"role": "user", "content": pair.text}]}) for pair in pairs]
    return np.vstack([row(request, vector) for request, vector in zip(asked, vectors, strict=True)])


def _show(said: Json, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(said, indent=2))
        return
    low, high = said["quality_kept_95"]
    saved = "unknown (costs are missing)" if said["cost_saved"] is None else f"{said['cost_saved']:.1%}"
    click.echo(f"{said['requests']} requests, threshold {said['threshold']:.3f}")
    click.echo(f"to the simple model   {said['to_simple']:.1%}")
    click.echo(f"quality kept          {said['quality_kept']:.1%}  (95 %: {low:.1%} to {high:.1%})")
    click.echo(f"  same share by chance {said['quality_kept_by_chance']:.1%}")
    click.echo(f"answers that got worse {said['worse_than_complex']:.1%}")
    click.echo(f"cost saved            {saved}")
