"""`pilothouse prompts optimize`: a better version looked for, on the cases of a dataset."""

from typing import TYPE_CHECKING, Any

import click

from pilothouse.cli.context import Context, as_json, in_json, pass_context, plain
from pilothouse.cli.either import desk_options
from pilothouse.cli.options import me
from pilothouse.cli.prompts.desk import served
from pilothouse.types import Json

if TYPE_CHECKING:
    from pilothouse.lifecycle.optimizing.order import OptimizeOrder
    from pilothouse.lifecycle.optimizing.told import Optimized

__all__ = ["optimize"]


@click.command()
@click.argument("prompt", metavar="NAME[@VERSION|#LABEL]")
@click.option("--dataset", required=True, metavar="NAME[@VERSION]", help="The cases, with expected answers.")
@click.option("--metric", help="The evaluator that is to rise; exact where none is said.")
@click.option("--evaluator", "evaluators", multiple=True, help="Measures, too; may be repeated.")
@click.option("--judge", metavar="MODEL", help="Who answers for evaluators that ask a judge.")
@click.option("--model", metavar="MODEL", help="Who answers, where the version names no model.")
@click.option("--rewrite-model", metavar="MODEL", help="Who writes templates anew. Without, only examples are tried.")
@click.option("--rewrites", type=click.IntRange(1, 8), help="Templates that it writes; 2 where nothing is said.")
@click.option("--examples", type=click.IntRange(0, 32), help="Few-shot examples of a proposal; 4, 0 for none.")
@click.option("--offline", is_flag=True, help="Ask no model to write: choose examples with the embedded encoder alone.")
@click.option("--train", help="The split to choose by.")
@click.option("--held-out", help="The split to tell by.")
@click.option("--limit", type=click.IntRange(4, 5000), help="So many cases at most; 200 where nothing is said.")
@click.option("--max-cost", type=float, default=5.0, show_default=True, help="USD that all of it may cost at most.")
@click.option("--yes", is_flag=True, help="Do not ask before money is spent.")
@desk_options
@as_json
@pass_context
def optimize(
    context: Context, /, prompt: str, max_cost: float, offline: bool, yes: bool, project: str, url: str | None,
    key: str | None, as_json: bool, **options: Any,
) -> None:  # fmt: skip
    """Look for a better version: few-shot examples that cover the cases, and templates that a model writes anew from
    those that fail.

    Proposals are chosen on train cases, and the best is held against the version that there is on held-out cases. It is
    kept as a version without a label where it is ahead there; nothing is promoted. A server searches as a job of its
    own, which is followed here.
    """
    from pilothouse.lifecycle.optimizing.order import optimize_order  # noqa: PLC0415 - heavy, and not for --help
    from pilothouse.lifecycle.optimizing.told import sentences, told_from  # noqa: PLC0415
    from pilothouse.prompts.versions import reference_of  # noqa: PLC0415

    if offline:
        options["rewrite_model"] = None
    asked = reference_of(prompt)
    given = {name: value for name, value in options.items() if value not in (None, ())}
    if evaluators := given.get("evaluators"):
        metric = given.setdefault("metric", evaluators[0])
        given["evaluators"] = [*dict.fromkeys([metric, *evaluators])]
    given |= {"version": asked.version, "label": asked.label, "max_cost_usd": str(max_cost)}
    order = optimize_order(asked.name, given)
    if not yes:
        click.confirm(f"This may cost up to ${max_cost:g}. Go on?", abort=True, err=True)
    if url is None:
        told = _searched_here(context, project, asked.name, order)
    else:
        told = told_from(_searched_there(context, project, url, key, asked.name, given))
    click.echo(in_json(told.to_json()) if as_json else "\n".join(map(plain, sentences(told))))


def _searched_here(context: Context, project: str, name: str, order: "OptimizeOrder") -> "Optimized":
    from pilothouse.cli.evals.running import showing  # noqa: PLC0415 - heavy, and not for --help
    from pilothouse.evals.runs.rooms import rooms_of  # noqa: PLC0415
    from pilothouse.lifecycle.optimizing.search import Optimizer  # noqa: PLC0415

    with context.platform() as platform:

        async def searched() -> "Optimized":
            with showing(name) as heard:
                rooms = rooms_of(platform, project)
                return await Optimizer(rooms, platform.prompts.prompts, project, name, order, me(), heard=heard).run()

        return platform.run(searched())


def _searched_there(context: Context, project: str, url: str, key: str | None, name: str, order: Json) -> Json:
    from pilothouse.cli.evals.running import tenths  # noqa: PLC0415 - heavy, and not for --help

    with served(context, project, url, key) as registry:
        return registry.optimize(name, order, tenths(lambda line: click.echo(plain(line), err=True)))
