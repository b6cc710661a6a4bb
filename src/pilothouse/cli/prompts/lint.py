"""`pilothouse prompts lint`: rules over prompts in files, in the registry, or from the standard input."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pilothouse.cli.context import Context, in_json, pass_context, plain, show_rows
from pilothouse.cli.either import desk_options
from pilothouse.cli.prompts.desk import Desk, at_desk
from pilothouse.errors import ConfigError, InvalidRequest, NotFound
from pilothouse.prompts.lint.cost import ASSUMED_CHARS, Limits
from pilothouse.prompts.lint.draft import Draft, Syntax
from pilothouse.prompts.lint.finding import SEVERITIES, Severity
from pilothouse.prompts.lint.linter import Linter, Report
from pilothouse.prompts.lint.output import annotations, lines, statistics, summary
from pilothouse.prompts.lint.sources import SUFFIXES, draft_of_text, drafts_in

if TYPE_CHECKING:
    from pilothouse.prompts.lint.pricing import ModelPricing

__all__ = ["lint"]

_SYNTAXES = ("jinja", "mustache", "format")
_MOST_USD = 1e6
_COLOURS = {"[error]": "red", "[warning]": "yellow", "[advice]": "cyan"}


@click.command()
@click.argument("prompts", nargs=-1, required=True, metavar="PROMPT...")
@click.option("--select", multiple=True, metavar="CODES", help="Only these rules, such as P3,P151; may be repeated.")
@click.option("--ignore", multiple=True, metavar="CODES", help="All but these rules.")
@click.option("--model", "models", multiple=True, metavar="MODEL", help="Say what a call costs with this model, too.")
@click.option("--max-tokens", type=click.IntRange(1), help="The most tokens of a whole input.")
@click.option(
    "--max-cost", type=click.FloatRange(0, min_open=True), metavar="USD", help="The most that a call may cost."
)
@click.option("--chars", type=click.IntRange(0, 10_000_000), default=ASSUMED_CHARS, show_default=True,
              help="Characters of a variable for which the prompt names no bound.")  # fmt: skip
@click.option("--syntax", type=click.Choice(_SYNTAXES), help="The syntax of templates without front matter.")
@click.option("--fail-on", type=click.Choice(SEVERITIES), default="warning", show_default=True,
              help="Exit code 1 from this severity on.")  # fmt: skip
@click.option("--output-format", "form", type=click.Choice(("text", "short", "json", "github")), default="text",
              show_default=True)  # fmt: skip
@click.option("--statistics", "counting", is_flag=True, help="How often each rule found something, and nothing else.")
@desk_options
@pass_context
def lint(
    context: Context, prompts: tuple[str, ...], select: tuple[str, ...], ignore: tuple[str, ...],
    models: tuple[str, ...], max_tokens: int | None, max_cost: float | None, chars: int, syntax: Syntax | None,
    fail_on: Severity, form: str, counting: bool, project: str, url: str | None, key: str | None,
) -> int:  # fmt: skip
    """What a careful reader would say of prompts: practices, variables, safety, cost.

    PROMPT is a file, a folder, - for the standard input, or a name in the registry as NAME, NAME@3 or NAME#label
    (the newest version where none is said). Exit code 1 where something of the severity --fail-on or worse was found.
    """
    if max_cost is not None and not max_cost <= _MOST_USD:
        raise click.BadParameter(f"'{max_cost}' is no cost of a call.", param_hint="'--max-cost'")
    limits = Limits(max_tokens, None if max_cost is None else round(max_cost * 1e9), chars)
    try:
        linter = Linter(_codes(select), _codes(ignore), models, _pricing(context), limits)
    except InvalidRequest as error:
        raise click.UsageError(error.message) from None
    with ExitStack() as stack:  # files need no registry
        desk = cache(lambda: stack.enter_context(at_desk(context, project, url, key)))
        reports = [*_reports(desk, linter, prompts, syntax)]
    _show(reports, form, counting)
    return 1 if any(report.worst(fail_on) for report in reports) else 0


def _codes(given: Iterable[str]) -> tuple[str, ...]:
    return tuple(code.strip().upper() for codes in given for code in codes.split(",") if code.strip())


def _pricing(context: Context) -> "ModelPricing":
    """Prices with the aliases of the configuration; without them where there is none that holds."""
    from pilothouse.prompts.lint.pricing import ModelPricing  # noqa: PLC0415 - the prices are heavy, and not for --help
    from pilothouse.snapshot import read_config  # noqa: PLC0415

    with suppress(ConfigError):
        if context.settings.config.exists():
            return ModelPricing.of(read_config(context.settings.config))
    return ModelPricing()


def _reports(
    desk: Callable[[], Desk], linter: Linter, prompts: Iterable[str], syntax: Syntax | None
) -> Iterator[Report]:  # fmt: skip
    for given in prompts:
        path = Path(given)
        if given == "-":
            yield linter.lint(draft_of_text(_standard_input(), Path("-"), syntax))
        elif path.exists():
            for found in drafts_in(path, syntax):
                yield found if isinstance(found, Report) else linter.lint(found)
        elif path.suffix in SUFFIXES:
            raise ConfigError(f"{given}: there is no such file.")
        else:
            yield linter.lint(_kept(desk(), given))


def _standard_input() -> str:
    try:
        return sys.stdin.buffer.read(4_000_000).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError("The standard input is not UTF-8 text.") from None


def _kept(desk: Desk, given: str) -> Draft:
    from pilothouse.prompts.content import content_of  # noqa: PLC0415 - the room is heavy, and not for files
    from pilothouse.prompts.lint.linter import draft_of  # noqa: PLC0415
    from pilothouse.prompts.versions import LATEST, reference_of  # noqa: PLC0415

    asked = reference_of(given)
    label = asked.label or (LATEST if asked.version is None else None)
    try:
        found = desk.resolved(asked.name, version=asked.version, label=label)
    except NotFound as error:
        raise NotFound(f"{error.message} There is no file or folder '{given}' either.") from None
    parts = [content_of(part["content"]) for part in found["includes"].values()]
    return draft_of(content_of(found["content"]), f"{found['name']}@{found['version']}", included=parts)


def _show(reports: list[Report], form: str, counting: bool) -> None:
    if form == "json":
        told = statistics(reports) if counting else [report.to_json() for report in reports]
        click.echo(in_json(told))
    elif counting:
        show_rows(statistics(reports), ("findings", "code", "rule", "severity"), as_json=False, empty="Nothing found.")
    elif form == "github":
        for report in reports:
            for line in annotations(report):
                click.echo(plain(line))
    else:
        for report in reports:
            for line in lines(report, short=form == "short"):
                click.echo(_coloured(plain(line)))
        click.echo(summary(reports))


def _coloured(line: str) -> str:
    """The severity in its colour; a pipe gets it plain."""
    for word, colour in _COLOURS.items():
        before, found, after = line.partition(f" {word} ")
        if found and not line.startswith("    "):
            return f"{click.style(before, bold=True)} {click.style(word, fg=colour)} {after}"
    return line
