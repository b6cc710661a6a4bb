"""`pilothouse stats`: what happened in a period, as a table; what people asked about; drift by day."""

from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from pilothouse.cli.context import Context, as_json, in_json, pass_context, show_rows
from pilothouse.cli.filters import project_option
from pilothouse.ids import now_us

if TYPE_CHECKING:
    from pilothouse.observe.topics.report import TopicShare

__all__ = ["stats"]

_WHOLE = ("what", "now", "before", "change")
_DIMENSIONS = (
    "model", "deployment", "prompt", "endpoint", "key", "team", "user", "feature", "environment", "release", "error",
    "guard",
)  # fmt: skip

_length = click.option("--since", "length", default="7d", show_default=True, metavar="LENGTH",
                       help="Such as 24h, 7d or 4w.")  # fmt: skip


@click.group(invoke_without_command=True)
@_length
@click.option("--by", type=click.Choice(_DIMENSIONS), help="Tell these apart, the dearest first.")
@click.option("--only", multiple=True, metavar="DIMENSION=VALUE", help="Narrow to one, such as model=gpt-4o.")
@project_option
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many with --by.")
@click.option("--below", type=click.FloatRange(-300, 300), help="Of each score, the share lower than this.")
@as_json
@pass_context
def stats(
    context: Context, length: str, by: str | None, only: tuple[str, ...], project: str, limit: int,
    below: float | None, as_json: bool,
) -> None:  # fmt: skip
    """Requests, failures, latency, tokens, cost and scores of a period, beside the period before."""
    here = click.get_current_context()
    if here.invoked_subcommand is not None:
        stray = [name for name in here.params if here.get_parameter_source(name) is ParameterSource.COMMANDLINE]
        if stray:
            raise click.UsageError(f"Options go behind '{here.invoked_subcommand}', not before it.")
        return
    from pilothouse.observe.sums.figures import Figures, Period  # noqa: PLC0415 - the room is heavy, and not for --help
    from pilothouse.observe.sums.stats import Question, answer, parsed  # noqa: PLC0415

    period = Period.last(length, now_us())
    question = Question(period, project, by, dict(map(parsed, only)), compare=True, limit=limit, below=below)
    with context.looking() as platform:
        platform.drainer.flush()
        told = answer(Figures(platform.store), question)
    if as_json:
        click.echo(in_json(told))
    elif by is None:
        show_rows(_whole(told), _WHOLE, as_json=False, empty="")
    else:
        rows = [_row(by, one) for one in told["values"]]
        columns = [by, *(name for name in _COLUMNS if any(row[name] for row in rows))]
        show_rows(rows, columns, as_json=False, empty="Nothing happened in that time.")


@stats.command()
@_length
@project_option
@as_json
@pass_context
def drift(context: Context, length: str, project: str, as_json: bool) -> None:
    """How far each day was from the days before it: in what was asked, and in what came out."""
    from pilothouse.observe.sums.figures import Period  # noqa: PLC0415
    from pilothouse.observe.topics.drifts import Drifts  # noqa: PLC0415 - the room is heavy, and not for --help

    days = Period.last(length, now_us(), "day").days
    with context.looking() as platform:
        found = Drifts(platform.store).between(project, days.start, days.stop - 1)
    rows = [
        one.to_json() if as_json else {
            "day": one.date, "of": one.kind, "measure": one.measure, "effect": f"{one.effect:.3f}",
            "ordinary days up to": f"{one.furthest:.3f}", "p": f"{one.p:.2g}", "samples": f"{one.samples:,}",
            "days before": f"{one.days}",
        }
        for one in found
    ]  # fmt: skip
    columns = ("day", "of", "measure", "effect", "ordinary days up to", "p", "samples", "days before")
    show_rows(rows, columns, as_json=as_json, empty=_NO_DRIFT)


_NO_DRIFT = "No day of that time was compared yet: it takes 50 samples, and seven days before it with as many."


@stats.command()
@_length
@project_option
@as_json
@pass_context
def topics(context: Context, length: str, project: str, as_json: bool) -> None:
    """What people asked about: the topics of an even sample of the questions, as a server found them."""
    from pilothouse.observe.sums.figures import Period  # noqa: PLC0415 - the room is heavy, and not for --help
    from pilothouse.observe.topics.report import TopicReports  # noqa: PLC0415

    with context.looking() as platform:
        platform.drainer.flush()
        told = TopicReports(platform.store).of(Period.last(length, now_us()), project)
    if as_json:
        click.echo(in_json(told.to_json()))
        return
    rows = [_topic(one) for one in told.topics]
    empty = told.why or "No question of that time is in the sample."
    show_rows(rows, ("topic", "id", "questions", "share", "95 %", "example"), as_json=False, empty=empty)
    if rows:
        click.echo(f"{told.questions:,} questions of {told.requests:,} requests. {told.why}".rstrip(), err=True)


def _topic(one: "TopicShare") -> dict[str, str]:
    return {
        "topic": one.topic.label, "id": one.topic.id, "questions": _count(one.questions), "share": _share(one.share),
        "95 %": f"{one.low:.1%} to {one.high:.1%}", "example": "".join(text[:_EXAMPLE] for _, text in one.examples[:1]),
    }  # fmt: skip


_EXAMPLE = 60  # characters
_COLUMNS = (
    "requests", "failed", "p50", "p95", "calls", "first_token", "input_tokens", "output_tokens", "cost", "unpriced",
    "scores",
)  # fmt: skip


def _row(by: str, told: dict[str, Any]) -> dict[str, str]:
    """A value of the dimension; where requests belong to none of its values, the times are those of calls."""
    times = told["latency_us"] if told["requests"] else told["call_latency_us"]
    failed = told["error_rate"] if told["requests"] else told["call_error_rate"]
    return {
        by: told["value"] or "none", "requests": _count(told["requests"]), "failed": _share(failed),
        "p50": _time(times["p50"]), "p95": _time(times["p95"]), "calls": _count(told["calls"]),
        "first_token": _time(told["ttft_us"]["p50"]), "input_tokens": _count(told["input_tokens"]),
        "output_tokens": _count(told["output_tokens"]), "cost": _cost(told), "unpriced": _count(told["unpriced"]),
        "scores": ", ".join(f"{one['name']} {one['mean']:.2f}{_below(one)}" for one in told["scores"]),
    }  # fmt: skip


def _whole(told: dict[str, Any]) -> list[dict[str, str]]:
    now, before = told["total"], told["before"]["total"]
    rows = [
        ("requests", _count, "requests"), ("requests a minute", _rate, "requests_per_minute"),
        ("failed", _share, "error_rate"), ("users", _count, "users"),
        ("calls of models", _count, "calls"), ("calls that failed", _share, "call_error_rate"),
        ("answered from a cache", _share, "hit_rate"),
        ("cost", _usd, "cost_nano"),
        ("cost per request", _usd, "nano_per_request"), ("calls without a price", _count, "unpriced"),
        ("input tokens", _count, "input_tokens"), ("of them cached", _share, "cached_share"),
        ("output tokens", _count, "output_tokens"), ("of them reasoning", _count, "reasoning_tokens"),
        ("tokens per request", _count, "tokens_per_request"),
    ]  # fmt: skip
    shown = [_compared(what, show, now.get(name), before.get(name)) for what, show, name in rows]
    for what, show, name in (
        ("latency", _time, "latency_us"), ("first token", _time, "ttft_us"), ("tokens/s", _count, "tokens_per_second")
    ):  # fmt: skip
        shown += [_compared(f"{what} {p}", show, now[name][p], before[name][p]) for p in ("p50", "p95", "p99")]
    earlier = {one["name"]: one for one in before["scores"]}
    for one in now["scores"]:
        was = earlier.get(one["name"], {})
        row = _compared(f"score {one['name']}", _mean, one["mean"], was.get("mean"))
        shown.append({**row, "now": row["now"] + _below(one), "before": row["before"] + _below(was)})
    return [row for row in shown if row["now"] or row["before"]]


def _below(score: dict[str, Any]) -> str:
    """The share of low scores, where it was asked for."""
    if "share_below" not in score:
        return ""
    low, high = score["share_below_low"], score["share_below_high"]
    return f" ({score['share_below']:.0%} below, {low:.0%} to {high:.0%})"


def _compared(what: str, show: Any, now: float | None, before: float | None) -> dict[str, str]:
    change = f"{(now / before - 1) * 100:+.0f} %" if now is not None and before else ""
    return {"what": what, "now": show(now), "before": show(before), "change": change}


def _count(number: float | None) -> str:
    return f"{round(number):,}" if number else ""


def _rate(rate: float | None) -> str:
    return f"{rate:.3g}" if rate else ""


def _share(share: float | None) -> str:
    return "" if share is None else f"{share:.1%}"


def _mean(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _time(us: float | None) -> str:
    from pilothouse.observe.money import duration  # noqa: PLC0415 - the room is heavy, and not for --help

    return "" if us is None else duration(round(us))


def _usd(nano: float | None) -> str:
    from pilothouse.observe.money import usd  # noqa: PLC0415 - the room is heavy, and not for --help

    return "" if nano is None else usd(round(nano))


def _cost(told: dict[str, Any]) -> str:
    return "unknown" if told["unpriced"] and not told["cost_nano"] else _usd(told["cost_nano"])
