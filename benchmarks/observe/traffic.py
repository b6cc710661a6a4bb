"""A month of an application's traffic, as spans and scores, written by the code that the drainer runs.

Some of it is nasty on purpose: one user has a twentieth of all traces and `user-rare` a single one; `session-long` has
3,000 turns; the traces `large` and `huge` have 1,000 and 5,000 spans. The seed is fixed; only when it ends is not.
"""

import random
import time
from collections.abc import Iterator
from functools import partial
from itertools import islice

import msgspec

from pilothouse.call import Span
from pilothouse.ids import content_hash, new_id
from pilothouse.observe import Drainer
from pilothouse.observe.arrival.batch import Batch
from pilothouse.observe.scores import Score, Scores
from pilothouse.storage import Store
from pilothouse.storage.database import writing
from pilothouse.storage.payload_days import day_of
from pilothouse.types import Usage

DAY_US = 86_400_000_000
USERS, LONG_TURNS = 12_000, 3_000
MODELS = [f"vendor-{n % 4}/model-{n}" for n in range(12)]
FEATURES = [f"feature-{n}" for n in range(15)]
ERRORS = ["rate_limit_exceeded", "provider_timeout", "provider_error", "content_filter", "ValueError"]
WORDS = "".join(
    chr(97 + n % 26) * (n % 3 + 2) + "aeiou"[n % 5] + chr(97 + n * 7 % 26) + " " for n in range(900)
).split()
_SHAPES = ("call", "answer", "agent", "long agent")
_WEIGHTS = (40, 40, 17, 3)
_BATCH = 1000


class Month:
    """Makes the traces of `days` days before `end_us`; `keys` are (key id, team id)."""

    def __init__(self, spans: int, days: int, end_us: int, keys: list[tuple[str, str]]) -> None:
        self.chance = random.Random(4)
        random.seed(4)  # of which new_id makes ids
        self.spans, self.days, self.end_us, self.keys = spans, days, end_us, keys
        self.made = 0

    def traces(self) -> Iterator[list[Span]]:
        """The oldest first, until there are enough spans."""
        first, chance = self.end_us - self.days * DAY_US, self.chance
        each = (self.spans - 6000) / 4.72 / self.days
        for day in range(self.days):
            starts = sorted(first + day * DAY_US + self._moment() for _ in range(round(each)))
            for number, start_us in enumerate(starts):
                shape = chance.choices(_SHAPES, _WEIGHTS)[0]
                long = number % max(1, round(each * self.days / LONG_TURNS)) == 0
                yield self._trace(start_us, shape, *(("user-long", "session-long") if long else (None, None)))
            if day == 1:
                yield self._trace(starts[-1], "answer", "user-rare", "session-rare", "rare")
            if day == self.days - 1:
                yield self._wide(starts[-2], "large", 1000)
                yield self._wide(starts[-1], "huge", 5000)

    def _moment(self) -> int:
        """Of a day: most of them in the middle of it."""
        return min(DAY_US - 1, max(0, int(self.chance.gauss(0.58, 0.18) % 1 * DAY_US)))

    def _trace(
        self, start_us: int, shape: str, user: str | None = None, session: str | None = None, trace: str | None = None
    ) -> list[Span]:  # fmt: skip
        chance = self.chance
        who = user or f"user-{int(USERS * chance.random() ** 3)}"
        key, team = self.keys[hash_of(who) % len(self.keys)]
        feature = FEATURES[hash_of(key) % len(FEATURES)]
        if session is None and chance.random() < 0.6:
            session = f"{who}-{start_us // (DAY_US // 3)}"
        own = shape == "call"
        identifier = trace or (new_id(start_us) if own or chance.random() < 0.3 else f"{chance.getrandbits(128):032x}")
        make = partial(
            Span, trace_id=identifier, project_id="default", key_id=key, team_id=team, user_id=who, session_id=session,
            feature=feature, environment=chance.choice(("production", "production", "staging")),
            release=f"1.{start_us // (3 * DAY_US) % 50}", source="gateway" if own else chance.choice(("sdk", "otlp")),
            tags=["beta"] if chance.random() < 0.05 else [],
        )  # fmt: skip
        if own:
            return [self._call(make, start_us, feature, None, "/v1/chat/completions")]
        made = self._steps(make, start_us, feature, {"answer": 1, "agent": 3, "long agent": 10}[shape])
        return made

    def _steps(self, make: partial[Span], start_us: int, feature: str, calls: int) -> list[Span]:
        """A root, and below it for each call: a retriever or a tool, the call, a guard."""
        chance, at = self.chance, start_us + 500
        root = make(id=self._id(), name=f"{'answer' if calls == 1 else 'agent'} {feature}", kind="chain",
                    start_us=start_us)  # fmt: skip
        made = [root]
        for number in range(calls):
            kind, name = ("tool", "look up") if number else ("retriever", "retrieve")
            step = make(id=self._id(), name=name, kind=kind, start_us=at, parent_id=root.id,
                        end_us=at + int(chance.lognormvariate(10.5, 0.8)))  # fmt: skip
            call = self._call(make, step.end_us, feature, root.id, None)
            made += [step, call]
            at = call.end_us + 300
            if number == 0 or calls > 3:
                for kind, name in (("guard", "guard answer"), ("tool", "parse"))[: 2 if calls != 10 else 1]:
                    made.append(make(id=self._id(), name=name, kind=kind, start_us=at, end_us=at + 4000,
                                     parent_id=root.id))  # fmt: skip
                at += 5000
        root.end_us = at
        failed = chance.random() < 0.03
        if failed:
            root.status, root.error_code = "error", chance.choice(ERRORS)
            root.error_message = f"It failed: {self._text(8)}"
        if chance.random() < 0.5:
            root.input, root.output = {"question": self._text(15)}, {"answer": self._text(40)}
        return made

    def _call(self, make: partial[Span], start_us: int, feature: str, parent: str | None, endpoint: str | None) -> Span:
        chance = self.chance
        model = min(len(MODELS) - 1, int(chance.expovariate(0.4)))
        ttft, written = int(chance.lognormvariate(12.5 + model / 20, 0.5)), int(chance.lognormvariate(4, 0.8)) + 1
        failed, cached = chance.random() < 0.02, chance.random() < 0.08
        versions = {"prompt": f"{feature}@{chance.randrange(1, 3)}", "deployment": MODELS[model], "snapshot": "3-8b3ba"}
        span = make(
            id=self._id(), parent_id=parent, name=f"chat alias-{model}", kind="llm", start_us=start_us,
            end_us=start_us + ttft + written * 12_000, endpoint=endpoint, operation="chat",
            provider=MODELS[model].partition("/")[0], request_model=f"alias-{model}", response_model=MODELS[model],
            deployment=MODELS[model], usage=Usage(int(chance.lognormvariate(6.5, 1)) + 1, written, chance.randrange(9)),
            ttft_us=ttft, cost_nano=None if model == 11 else int(chance.lognormvariate(14, 1)), cost_known=model != 11,
            prompt=versions["prompt"], versions=versions, manifest_id=content_hash(versions),
            attributes={"gen_ai.request.stream": True, "gen_ai.response.finish_reasons": ["stop"]},
        )  # fmt: skip
        if cached:
            span.attributes["cache"], span.cost_nano, span.cost_known = "exact", 0, True
        if failed:
            span.status, span.error_code, span.error_message = "error", chance.choice(ERRORS), "The provider refused."
        if endpoint is not None:
            span.request_id, span.charge_id = f"req_{span.trace_id}", new_id(start_us)
            span.accounts = [f"key:{span.key_id}", f"team:default/{span.team_id}", "project:default", "org:default",
                             f"deployment:{MODELS[model]}"]  # fmt: skip
        if chance.random() < 0.3:
            asked = [{"role": "system", "content": "Answer from the passages alone."},
                     {"role": "user", "content": self._text(90)}]  # fmt: skip
            said = {"role": "assistant", "content": self._text(written)}
            span.input = {"messages": asked}
            span.output = {"choices": [{"message": said}]}
        return span

    def _wide(self, start_us: int, trace: str, spans: int) -> list[Span]:
        """A trace of many spans, nested ten deep here and there."""
        make = partial(Span, trace_id=trace, project_id="default", user_id="user-1", session_id="session-wide",
                       key_id=self.keys[0][0], source="otlp")  # fmt: skip
        made = [make(id=self._id(), name="crawl", kind="agent", start_us=start_us, end_us=start_us + spans * 3000)]
        for number in range(1, spans):
            above = made[-1] if number % 10 else made[0]
            at = start_us + number * 2500
            made.append(
                self._call(make, at, "feature-1", above.id, None) if number % 3 == 0
                else make(id=self._id(), name=f"step {number}", kind="tool", start_us=at, end_us=at + 2000,
                          parent_id=above.id)
            )  # fmt: skip
        return made

    def _id(self) -> str:
        return f"{self.chance.getrandbits(64):016x}"

    def _text(self, words: int) -> str:
        return " ".join(self.chance.choices(WORDS, k=min(300, words)))


def hash_of(text: str) -> int:
    """The same in every process, unlike `hash`."""
    return int(content_hash(text)[:8], 16)


def seed(store: Store, drainer: Drainer, month: Month) -> None:
    """Write the month, each batch as the drainer writes it and its payloads by the day it would have arrived on; then
    judge a tenth of the traces."""
    begun, cpu, judged = time.perf_counter(), time.process_time(), []
    encode, written = msgspec.msgpack.Encoder().encode, 0
    traces = month.traces()
    while chunk := list(islice(traces, _BATCH // 5)):
        spans = [span for trace in chunk for span in trace]
        judged += [(trace[0], month.chance.random()) for trace in chunk if month.chance.random() < 0.1]
        for start in range(0, len(spans), _BATCH):
            part = spans[start : start + _BATCH]
            batch = Batch.decode(list(map(encode, part)), drainer.rejects, store.packer, day_of(part[0].start_us))
            with writing(store.observe) as connection:
                batch.write(connection, drainer.rejects, "seeded", store.payloads)
            written += len(part)
        print(f"\rseeding: {written:,} spans", end="", flush=True)
    used = time.process_time() - cpu
    print(f"\n{written:,} spans in {time.perf_counter() - begun:.0f} s, {used / written * 1e6:.0f} us CPU for each")
    scores = Scores(store)
    made = [score for number, (root, chance) in enumerate(judged) for score in _scores(number, root, chance)]
    for start in range(0, len(made), _BATCH):
        scores.put("default", made[start : start + _BATCH])
    print(f"{len(made):,} scores")


def _scores(number: int, root: Span, chance: float) -> list[Score]:
    at = root.end_us + 60_000_000
    made = [Score(id=f"sc-{number}", name="faithfulness", trace_id=root.trace_id, value=1 - chance**3 * 0.9, at_us=at)]
    if number % 3 == 0:
        made.append(Score(id=f"fb-{number}", name="feedback", trace_id=root.trace_id, kind="boolean", source="feedback",
                          value=float(chance < 0.8), at_us=at, author=root.user_id))  # fmt: skip
    return made
