"""`pilothouse prompts evaluate`: a version held against the one that a label has, with an exit code for CI."""

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pilothouse.cli.context import Context, as_json, in_json, pass_context, plain
from pilothouse.cli.either import desk_options, known, shown
from pilothouse.cli.evals.estimated import agree, say_estimate
from pilothouse.cli.options import me
from pilothouse.cli.prompts.desk import served
from pilothouse.errors import ConfigError
from pilothouse.types import Json

if TYPE_CHECKING:
    from pilothouse.lifecycle.prompting.order import Order
    from pilothouse.storage.prompting.verdicts import KeptVerdict

__all__ = ["evaluate"]


@click.command()
@click.argument("prompt", metavar="NAME[@VERSION]")
@click.option("--against", "label", default="production", show_default=True, help="The label that it is to have.")
@click.option(
    "--suite", type=click.Path(path_type=Path), help="Judge by this suite, in place of the one that protects."
)
@click.option("--cases", type=click.Path(path_type=Path), help="Judge on the cases of this file.")
@click.option("--fresh", is_flag=True, help="Use no kept answer of another run.")
@click.option("--dry-run", is_flag=True, help="Check everything and estimate the cost. Nothing is asked.")
@click.option("--yes", is_flag=True, help="Do not ask before money is spent.")
@desk_options
@as_json
@pass_context
def evaluate(
    context: Context, /, prompt: str, label: str, suite: Path | None, cases: Path | None, fresh: bool, dry_run: bool,
    yes: bool, project: str, url: str | None, key: str | None, as_json: bool,
) -> int:  # fmt: skip
    """Judge a version, the newest where none is said, by the suite that protects the label, beside the version that the
    label has now.

    The verdict is kept: `prompts promote` reads it. A file of --suite is a suite without a task, or as an entry of
    prompts.protected; a verdict by another suite, or on --cases, lets no protected label move. A server judges as a job
    of its own, which is followed here; it makes no estimate. Exit code 1 says that the version did not pass.
    """
    given = _given(prompt, label, suite, cases, fresh)
    if url is None:
        kept = _judged_here(context, project, _ordered(*given), dry_run=dry_run, yes=yes, as_json=as_json)
        verdict = None if kept is None else kept.to_json()
    elif dry_run:
        raise click.UsageError("A server makes no estimate: leave out --dry-run.")
    else:
        _ordered(*given)  # what is wrong with it is told before anything is asked
        _agree(yes)
        verdict = _judged_there(context, project, url, key, *given)
    if verdict is None:
        return 0
    click.echo(in_json(verdict) if as_json else "\n".join(map(plain, said(verdict, url))))
    return 0 if verdict["passed"] else 1


def _judged_here(
    context: Context, project: str, order: "Order", *, dry_run: bool, yes: bool, as_json: bool
) -> "KeptVerdict | None":  # fmt: skip
    """The verdict, by the platform of this home; None where no more than an estimate was asked for."""
    from pilothouse.cli.evals.running import showing  # noqa: PLC0415 - heavy, and not for --help
    from pilothouse.evals.runs.estimate import Estimate, estimate  # noqa: PLC0415
    from pilothouse.evals.runs.rooms import rooms_of  # noqa: PLC0415

    known(context, project)
    with context.platform() as platform:
        rooms, gate = rooms_of(platform, project), platform.prompts.gate

        async def whole() -> "KeptVerdict | None":
            ready = await gate.ready(rooms, project, order)
            told = [await estimate(rooms, project, one) for one in ready.asked]
            parts = [part for one in told for part in one.parts]
            notes = list(dict.fromkeys(note for one in told for note in one.notes))
            both = Estimate(sum(one.outcomes for one in told), parts, [], notes)
            if dry_run:
                say_estimate(both, as_json=as_json)
                return None
            await asyncio.to_thread(agree, both, yes=yes)
            with showing(ready.version.reference) as heard:
                return await gate.judge(rooms, project, ready, me(), heard=heard)

        return platform.run(whole())


def _judged_there(
    context: Context, project: str, url: str, key: str | None, name: str, order: Json
) -> Json:  # fmt: skip
    """The verdict, by a job of the server."""
    from pilothouse.cli.evals.running import tenths  # noqa: PLC0415 - heavy, and not for --help

    with served(context, project, url, key) as registry:
        return registry.evaluate(name, order, tenths(lambda line: click.echo(plain(line), err=True)))


def _agree(yes: bool) -> None:
    """Ask before a server asks its models. Raises ConfigError where nobody is there to answer."""
    if yes:
        return
    question = "The server will ask its models, and what that costs is not known here. Go on?"
    if not sys.stdin.isatty():
        raise ConfigError(f"{question} Nobody is there to answer: say --yes.")
    click.confirm(question, abort=True)


def said(verdict: Json, url: str | None) -> list[str]:
    """A verdict for people: whether it passed, what is against it, what was found; where its run is to be seen."""
    against = "with no other" if verdict["against"] is None else f"with @{verdict['against']}"
    head = f"{verdict['prompt']}@{verdict['version']}, compared {against} for '{verdict['label']}':"
    lines = [f"{head} {'it passed.' if verdict['passed'] else 'it did not pass.'}"]
    lines += [f"  against it: {one}" for one in verdict.get("reasons") or ()]
    lines += [f"  {one}" for one in verdict.get("notes") or ()]
    run = verdict["run_id"]
    seen = f"pilothouse evals report {run}" if url is None else f"{shown(url)}/console/evals/runs/{run}"
    return [*lines, f"The run is {run}: {seen}"]


def _given(prompt: str, label: str, suite: Path | None, cases: Path | None, fresh: bool) -> tuple[str, Json]:
    """The name, and the rest as the API takes it."""
    import msgspec  # noqa: PLC0415 - the rooms are heavy, and not for --help

    from pilothouse.errors import InvalidRequest  # noqa: PLC0415
    from pilothouse.evals.datasets.cases import read_cases  # noqa: PLC0415
    from pilothouse.prompts.versions import reference_of  # noqa: PLC0415

    reference = reference_of(prompt)
    if reference.label is not None:
        raise InvalidRequest(f"'{prompt}': name a version, as {reference.name}@3; --against says for which label.")
    order: Json = {"version": reference.version, "label": label, "fresh": fresh}
    if suite is not None:
        order["rule"] = _read(suite) or {}
    if cases is not None:
        order["cases"] = [msgspec.to_builtins(case) for case in read_cases(cases)]
    return reference.name, order


def _ordered(name: str, order: Json) -> "Order":
    from pilothouse.lifecycle.prompting.order import order_of  # noqa: PLC0415 - the rooms are heavy, and not for --help

    return order_of(name, order)


def _read(path: Path) -> Any:
    """The data of a YAML file. Raises ConfigError."""
    from pilothouse.yamlfile import YamlFile  # noqa: PLC0415

    try:
        return YamlFile(path, path.read_text(encoding="utf-8")).data
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as text: {error}.") from None
