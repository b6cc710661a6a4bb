"""`pilothouse router`: train the head that tells hard requests from easy ones, and see what it would save and lose."""

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pilothouse.call import DEFAULT_PROJECT
from pilothouse.cli.context import Context, pass_context
from pilothouse.cli.options import DURATION
from pilothouse.errors import InvalidRequest
from pilothouse.ids import now_us
from pilothouse.types import ChatRequest, Json

if TYPE_CHECKING:
    from pilothouse.app import Platform
    from pilothouse.config import Config
    from pilothouse.gateway.routing.training import Pair
    from pilothouse.lifecycle.judged import Judged

__all__ = ["router"]

_FIELDS = ("simple_score", "complex_score")
_BATCH = 256
_F = TypeVar("_F", bound=Callable[..., Any])


@click.group()
def router() -> None:
    """Train and judge the choice between a simple and a complex model.

    PAIRS is a file of JSON lines, one request that both models answered: {"query": "...", "simple_score": 0.7,
    "complex_score": 0.9, "simple_cost": 0.0001, "complex_cost": 0.002, "group": "user 7"}. Scores go from 0 to 1; the
    costs (USD) and the group (what must stay in one split) may be left out.

    With --score NAME the pairs are those that were recorded here: requests that both models answered, mirrored by
    shadow traffic or asked again, whose answers have this score. A session, a user or a trace is a group.
    """


def _from(command: _F) -> _F:
    """PAIRS, or the options that say which recorded calls to take."""
    for option in (
        click.option("--project", default=DEFAULT_PROJECT, show_default=True, help="Whose calls."),
        click.option("--complex", "complex_", help="Another name than the alias has."),
        click.option("--simple", help="Another name than the alias has: of an alias, a deployment or a model."),
        click.option("--alias", help="Of the strategy `complexity`; not needed where there is one."),
        click.option("--passing", type=float, help="A score from here on counts as 1, any other as 0."),
        click.option("--since", type=DURATION, default="30d", show_default=True, help="Scores given since then."),
        click.option("--score", help="Take recorded calls, and their scores of this name."),
        click.argument("pairs", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path)),
    ):
        command = option(command)
    return command


@router.command()
@_from
@click.option("--target", type=click.FloatRange(0, 1), default=0.95, show_default=True, help="Quality to keep.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), default=Path("difficulty.json"))
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@pass_context
def train(context: Context, /, target: float, out: Path, as_json: bool, **given: Any) -> None:
    """Train a head on pairs, with a threshold that keeps the target share of the complex model's score."""
    from pilothouse.gateway.routing import training  # noqa: PLC0415 - numpy, which the help does not need

    with context.looking() as platform:
        pairs, rows = _examples(platform, least=training.LEAST, **given)
        head, held_out = training.train(pairs, rows, target)
    head.save(out)
    _show(held_out, as_json)
    if not as_json:
        click.echo(f"\nWritten to {out}. Name it in the alias: {{strategy: complexity, ..., head: {out}}}")


@router.command()
@_from
@click.option(
    "--head", "head_file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A trained one."
)
@click.option("--threshold", type=click.FloatRange(0, 1), help="In place of the head's own.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@pass_context
def report(context: Context, /, head_file: Path | None, threshold: float | None, as_json: bool, **given: Any) -> None:
    """Say what routing pairs by a head would have saved and lost. Use requests that it was not trained on."""
    from pilothouse.gateway.routing import training  # noqa: PLC0415 - numpy, which the help does not need
    from pilothouse.models.heads import Head  # noqa: PLC0415

    head = Head.load(head_file) if head_file else Head.shipped("difficulty")
    with context.looking() as platform:
        pairs, rows = _examples(platform, least=1, **given)
    _show(training.report(pairs, head.probabilities(rows), head.threshold if threshold is None else threshold), as_json)


def _examples(
    platform: "Platform", *, pairs: Path | None, score: str | None, least: int, **recorded: Any
) -> "tuple[list[Pair], Any]":
    """The pairs and what a head reads of each, (len(pairs), 399). Raises InvalidRequest."""
    from pilothouse.gateway.routing.difficulty import features  # noqa: PLC0415 - numpy, which the help does not need

    if (pairs is None) == (score is None):
        raise click.UsageError("Give a file of PAIRS, or --score to take what was recorded here.")
    if pairs is None:
        judged = _recorded(platform, str(score), least, **recorded)
        return judged.pairs, _rows(platform, judged.pairs, judged.features)
    read = _read(pairs)
    asked = [ChatRequest({"model": "", "messages": [{"role": "user", "content": pair.text}]}) for pair in read]
    return read, _rows(platform, read, map(features, asked))


def _recorded(
    platform: "Platform", score: str, least: int, *, since: float, passing: float | None, alias: str | None,
    simple: str | None, complex_: str | None, project: str,
) -> "Judged":  # fmt: skip
    """Pairs of recorded calls, at least so many. Raises InvalidRequest, which says what there is."""
    from pilothouse.lifecycle.judged import Sides, judged_pairs  # noqa: PLC0415 - heavy, and not for --help

    config = platform.snapshot.config
    if not (simple and complex_):
        model = config.models[_alias(config, alias)]
        simple, complex_ = simple or model.simple, complex_ or model.complex
    sides = Sides.of(config, str(simple), str(complex_))
    judged = judged_pairs(platform.store, project, score, sides, now_us() - int(since * 1e6), passing=passing)
    if len(judged.pairs) >= least:
        return judged
    out = "".join(f"\n  {number:,} left out: {why}" for why, number in judged.left_out.most_common())
    raise InvalidRequest(
        f"{len(judged.pairs)} requests were answered by both models and have the score '{score}' for both: {least} are "
        f"the least.\nAnswers with that score: {judged.answered['simple']:,} of '{simple}', "
        f"{judged.answered['complex']:,} of '{complex_}'.{out}\nTo have both answers of a request, mirror calls of one "
        "model to the other (`shadow` of an alias), and score both spans.",
        param="score",
    )


def _alias(config: "Config", named: str | None) -> str:
    there = [name for name, model in config.models.items() if model.strategy == "complexity"]
    if named is None and len(there) == 1:
        return there[0]
    if named in there:
        return str(named)
    known = ", ".join(there) or "none"
    told = "Which alias?" if named is None else f"'{named}' is no alias of the strategy `complexity`."
    raise InvalidRequest(
        f"{told} There are: {known}. Name one with --alias, or two models with --simple and --complex."
    )


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


def _rows(platform: "Platform", pairs: "Sequence[Pair]", features: Iterable[Any]) -> Any:
    import numpy as np  # noqa: PLC0415 - not needed for the help

    from pilothouse.gateway.routing.difficulty import joined  # noqa: PLC0415

    async def encoded() -> Any:
        texts = [pair.text[:2000] for pair in pairs]
        return [vector for i in range(0, len(texts), _BATCH) for vector in await platform.encode(texts[i : i + _BATCH])]

    vectors = platform.run(encoded())
    return np.vstack([joined(vector, cheap) for vector, cheap in zip(vectors, features, strict=True)])


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
