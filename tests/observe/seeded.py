"""Traffic of some days, the same every time, and what it adds up to when every span is looked at."""

import math
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from pilothouse.call import Span
from pilothouse.observe.scores import Score
from pilothouse.types import Usage

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
MODELS = ("gpt-4o", "gpt-4o-mini", "claude-sonnet", "<script>alert(1)</script>\u202e")
ERRORS = ("provider_timeout", "rate_limit_exceeded", "content_filter", "limit_exceeded", "provider_protocol_error")


@dataclass
class Asked:
    """A trace: the span that stands for it, and its call of a model."""

    root: Span
    call: Span
    scores: list[Score]

    @property
    def spans(self) -> list[Span]:
        return [self.root] if self.root is self.call else [self.call, self.root]


def traffic(end_us: int, number: int = 600, days: int = 12, seed: int = 7, project: str = "default") -> list[Asked]:
    """That many traces in the days before `end_us`, busier by day than by night."""
    chance = random.Random(seed)
    return [_asked(n, end_us - 1 - _ago(chance, days), chance, project) for n in range(number)]


def _ago(chance: random.Random, days: int) -> int:
    while True:
        ago = chance.randrange(days * DAY_US)
        if chance.random() < 0.35 + 0.6 * math.sin(ago / DAY_US * math.pi) ** 2:
            return ago


def _asked(n: int, at: int, chance: random.Random, project: str) -> Asked:
    model = chance.choices(MODELS, (6, 3, 2, 1))[0]
    failed = chance.random() < 0.06
    ttft = round(chance.lognormvariate(13, 0.4))
    used = Usage(
        chance.randrange(50, 4000), chance.randrange(5, 800), cached_tokens=chance.randrange(40),
        reasoning_tokens=chance.randrange(5),
    )  # fmt: skip
    fields: dict[str, Any] = {
        "trace_id": f"{project}-{n:04}", "project_id": project, "start_us": at, "key_id": f"key-{n % 4}",
        "team_id": f"team-{n % 4 % 2}", "user_id": f"user-{chance.randrange(40)}" if n % 5 else None,
        "endpoint": chance.choice(("/v1/chat/completions", "/v1/messages")),
        "feature": chance.choice(("search", "answers", None)), "status": "error" if failed else "ok",
        "error_code": chance.choice(ERRORS) if failed else None,
    }  # fmt: skip
    end = at + ttft + used.output_tokens * 15_000
    call = Span(
        id="call", name=f"chat {model}", kind="llm", end_us=end, request_model="fast", response_model=model,
        deployment=f"pool/{model}", prompt=f"greet@{n % 3}", usage=used, ttft_us=ttft,
        cost_nano=None if n % 50 == 0 else used.input_tokens * 2500 + used.output_tokens * 10_000,
        cost_known=n % 50 != 0, **fields,
    )  # fmt: skip
    root = call
    if n % 3 == 0:
        root = Span(id="root", name="answer", kind="chain", end_us=end + 40_000, **fields)
        call.parent_id, call.endpoint = "root", None
    return Asked(root, call, _scores(fields["trace_id"], n, at, chance))


def _scores(trace_id: str, n: int, at: int, chance: random.Random) -> list[Score]:
    made = []
    if n % 4 == 0:
        made.append(Score(id=f"f{n}", trace_id=trace_id, name="faithfulness", kind="numeric", source="evaluator",
                          value=round(chance.betavariate(7, 2), 4), at_us=at))  # fmt: skip
    if n % 6 == 0:
        made.append(Score(id=f"t{n}", trace_id=trace_id, name="feedback", kind="boolean", source="feedback",
                          value=float(chance.random() < 0.75), at_us=at))  # fmt: skip
    return made


def within(asked: Iterable[Asked], since_us: int, until_us: int, **only: str) -> list[Asked]:
    """Those that began in a period, and are of one model, feature, ..."""
    names = {"key": "key_id", "team": "team_id", "user": "user_id", "error": "error_code", "model": "response_model"}
    return [
        one for one in asked
        if since_us <= one.root.start_us < until_us
        and all(getattr(one.call, names.get(name, name)) == value for name, value in only.items())
    ]  # fmt: skip


def naive(asked: Iterable[Asked]) -> dict[str, int]:
    """What these add up to."""
    every = list(asked)

    def total(of: Callable[[Asked], float | None]) -> int:
        return int(sum(of(one) or 0 for one in every))

    return {
        "requests": len(every), "failed": total(lambda one: one.root.status == "error"), "calls": len(every),
        "call_errors": total(lambda one: one.call.status == "error"), "cached": 0,
        "input_tokens": total(lambda one: _usage(one).input_tokens),
        "output_tokens": total(lambda one: _usage(one).output_tokens),
        "cached_tokens": total(lambda one: _usage(one).cached_tokens), "cache_write_tokens": 0,
        "reasoning_tokens": total(lambda one: _usage(one).reasoning_tokens),
        "cost_nano": total(lambda one: one.call.cost_nano), "unpriced": total(lambda one: not one.call.cost_known),
    }  # fmt: skip


def quantile(values: Iterable[float], share: float) -> float:
    """The value of that rank."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def _usage(one: Asked) -> Usage:
    assert one.call.usage is not None
    return one.call.usage
