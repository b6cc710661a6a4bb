"""Cards and estimates from runs that are kept and labels of people: the room over the database."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from pilothouse.cases import Case, Outcome, Verdict
from pilothouse.errors import InvalidRequest, NotFound, StorageError
from pilothouse.evals.cards.card import Card, JudgeId, make_card
from pilothouse.evals.cards.estimating import Estimate, estimate
from pilothouse.evals.cards.labels import HumanLabel
from pilothouse.evals.cards.matching import Judgement, Matched, match
from pilothouse.evals.cards.planned import Named, Planned, planned, suite_in
from pilothouse.evals.cards.queues import biased_by, queue_labels
from pilothouse.evals.cards.trusting import DEFAULT_AGREEMENT, may_gate
from pilothouse.evals.judges.prompt import shown
from pilothouse.evals.registry import Evaluators
from pilothouse.storage import Store
from pilothouse.storage.evaluating.eval_runs import EvalRuns, Run
from pilothouse.storage.evaluating.judge_cards import JudgeCards, KeptCard, NewCard
from pilothouse.storage.evaluating.reviews import Reviews
from pilothouse.storage.trace_times import durations_us
from pilothouse.types import Json

__all__ = ["JudgeRoom", "Labels", "card_of", "subject_of"]

Labels = Mapping[str, Sequence[HumanLabel]]
"""Labels of people by the id of the run whose outputs they are of."""

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class JudgeRoom:
    """Of a store. Every method blocks on the database. `named` tells what a model's name stands for now."""

    store: Store
    named: Named = str
    known: Evaluators | None = None

    @property
    def cards(self) -> JudgeCards:
        return JudgeCards(self.store)

    @property
    def runs(self) -> EvalRuns:
        return EvalRuns(self.store)

    def make(
        self, project: str, runs: Sequence[Run], evaluator: str, labels: Labels, *, failures_disagree: bool = False
    ) -> list[KeptCard]:  # fmt: skip
        """The cards of one judge, one for each criterion, from all that it said in these runs. One without labels of
        people takes no place of one that has such. Raises InvalidRequest where the runs have several judges of that
        name, or none."""
        judge, matched = self._matched(project, runs, evaluator, labels)
        if "" in matched and _scores_against_words(matched[""]):
            raise InvalidRequest(
                f"'{evaluator}' says a score, and neither pass nor fail, where people said words. Give it a threshold "
                "in the suite (`passing`), or labels from 1 to 5.", param="labels",
            )  # fmt: skip
        sources = [f"{run.name} ({run.id})" for run in runs]
        made = [
            make_card(
                one.ratings, judge, one.scale, criterion, failures_disagree=failures_disagree, sources=sources
            )
            for criterion, one in matched.items()
        ]  # fmt: skip
        before = {one.criterion: one for one in self.cards.of(project, judge.model, judge.kind, judge.options)}
        kept = [before[one.criterion] for one in made if not one.labelled and _labelled(before.get(one.criterion))]
        stay = {one.criterion for one in kept}
        new = self.cards.put(project, [_new(card) for card in made if card.criterion not in stay])
        return sorted([*kept, *new], key=lambda one: one.criterion)

    def estimate(self, project: str, run: Run, metric: str, labels: Labels, criterion: str = "") -> Estimate:
        """What people would say on average of all cases of a run, from `labels` of some and the evaluator's verdicts on
        all. Raises InvalidRequest where that cannot be told."""
        _, matched = self._matched(project, [run], metric, labels)
        if criterion not in matched:
            raise InvalidRequest(
                f"'{metric}' says nothing on '{criterion}'; it does on {_quoted(matched)}.", param="criterion"
            )
        found = matched[criterion]
        try:
            return estimate(found.ratings, found.scale)
        except ValueError as error:
            raise InvalidRequest(str(error), param="labels") from None

    def labels_of(self, project: str, queue: str, runs: Sequence[Run] = ()) -> tuple[Labels, list[Run], str | None]:
        """The labels of a queue, by run, the runs that they are of (of `runs` alone, where such are given), and why
        they are no random sample. A vote on a pair of two runs counts where the judge compared the same two texts."""
        reviews = Reviews(self.store)
        found = reviews.queues.get(project, queue)
        wanted = {run.id: run for run in runs}
        labels: dict[str, list[HumanLabel]] = {}
        for one in queue_labels(reviews, project, found):
            if not wanted or one.run_id in wanted:
                label = one.label
                if one.other_run_id is not None:
                    other = self._output(project, one.other_run_id, label)
                    if other is None:
                        continue
                    label = msgspec.structs.replace(label, other=other)
                labels.setdefault(one.run_id, []).append(label)
        if not labels:
            raise NotFound(f"The queue '{found.name}' has no label of these runs.", param="queue")
        return labels, [wanted.get(one) or self.runs.get(project, one) for one in labels], biased_by(found)

    def objections(self, project: str, plan: Json) -> Callable[[str], str | None]:
        """Why an evaluator of this plan may not gate, by its name: a judge without a card, or whose card shows less
        agreement than `judge_agreement` of the suite. None for one that asks no model."""
        least = suite_in(plan).get("judge_agreement", DEFAULT_AGREEMENT)
        there = planned(plan, self.named, self.known)

        def objection(name: str) -> str | None:
            one = there.get(name)
            if one is None or not one.judged:
                return None
            judge = one.judge
            kept = self.cards.of(project, judge.model, judge.kind, judge.options)
            cards = {card.criterion: card_of(card) for card in kept}
            return may_gate(name, one.criteria, cards, float(least))

        return objection

    def judgements(self, project: str, run: Run, name: str, plan: Planned) -> Iterator[Judgement]:
        """All verdicts of an evaluator in a run, with what a card needs of their cases."""
        waiting: list[tuple[Outcome, Verdict]] = []
        maker = subject_of(run, self.named)
        for outcome in self.runs.each(project, run.id):
            waiting += [(outcome, one) for one in outcome.verdicts if one.evaluator == name]
            if len(waiting) >= _AT_ONCE:
                yield from self._judgements(project, run, plan, maker, waiting)
                waiting = []
        yield from self._judgements(project, run, plan, maker, waiting)

    def _judgements(
        self, project: str, run: Run, plan: Planned, maker: str, told: Sequence[tuple[Outcome, Verdict]]
    ) -> Iterator[Judgement]:  # fmt: skip
        times = durations_us(self.store, project, [one.trace_id for _, one in told if one.trace_id])
        for outcome, verdict in told:
            other = _other(outcome.case, plan.against)
            took = times.get(verdict.trace_id or "")
            yield Judgement(
                case=outcome.case.id, verdict=verdict, trial=outcome.trial, source=run.id,
                lengths=(len(outcome.case.output), *([] if other is None else [len(other)])),
                models=_makers(outcome.case, plan.against, maker), other=other,
                latency_s=None if took is None else took / 1e6,
            )  # fmt: skip

    def _matched(
        self, project: str, runs: Sequence[Run], name: str, labels: Labels
    ) -> tuple[JudgeId, dict[str, Matched]]:  # fmt: skip
        found: list[tuple[Run, Planned]] = []
        for run in runs:
            there = planned(run.plan, self.named, self.known)
            if not there:  # the run of another program: its evaluators are what their verdicts are called
                there = {name: Planned(JudgeId(model="", kind=name, options="", name=name), judged=False)}
            if name not in there:
                named = ", ".join(there) or "none"
                raise InvalidRequest(
                    f"The run '{run.name}' has no evaluator '{name}'; it has: {named}.", param="metric"
                )
            found.append((run, there[name]))
        judges = {_who(plan.judge) for _, plan in found}
        if len(judges) != 1:
            raise InvalidRequest(
                f"In these {len(runs)} runs '{name}' is {len(judges)} different judges, by model or by options.",
                param="runs",
            )  # fmt: skip
        given = [one for run, plan in found for one in self.judgements(project, run, name, plan)]
        matched = match(given, labels)
        if not matched:
            raise InvalidRequest(f"'{name}' has no verdict in these runs: nothing can be said of it.", param="runs")
        if labels and not any(one.labelled for one in matched.values()):
            raise InvalidRequest(_none_fits(name, matched, labels), param="labels")
        return found[0][1].judge, matched

    def _output(self, project: str, run_id: str, label: HumanLabel) -> str | None:
        try:
            return self.runs.outcome(project, run_id, label.case, label.trial).case.output
        except NotFound:
            return None


def card_of(kept: KeptCard) -> Card:
    """The card that is kept. Raises StorageError for one that another version made otherwise."""
    try:
        return msgspec.convert(kept.body, Card)
    except msgspec.ValidationError as error:
        raise StorageError(
            f"The judge card '{kept.id}' cannot be read ({error}): make it again, or delete it."
        ) from None


def subject_of(run: Run, named: Named = str) -> str:
    """What a run evaluated, in a word: its prompt and model with what that stands for, its corpus, else its name."""
    task = run.subject
    if isinstance(task.get("prompt"), str):
        return f"{task['prompt']}, {named(str(task.get('model')))}"
    if isinstance(task.get("model"), str):
        return named(str(task["model"]))
    return f"rag:{task['corpus']}" if isinstance(task.get("corpus"), str) else run.name


def _none_fits(name: str, matched: Iterable[str], labels: Labels) -> str:
    of = sorted({label.criterion for some in labels.values() for label in some})
    return (
        f"None of the {sum(map(len, labels.values()))} labels is of a case, a trial and a criterion that '{name}' "
        f"judged in these runs. Labels are of {_quoted(of)}, it judges {_quoted(matched)}: '' is its whole verdict."
    )


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _who(judge: JudgeId) -> tuple[str, str, str]:
    return judge.model, judge.kind, judge.options


def _other(case: Case, against: str | None) -> str | None:
    if against is None:
        return None
    found = case.expected if against == "expected" else case.metadata.get(against)
    return None if found is None else shown(found)


def _makers(case: Case, against: str | None, maker: str) -> tuple[str, ...]:
    """Who made the answer; of a pair also who made the other one, which a dataset may say as `<against>_model`."""
    if against is None:
        return (maker,)
    other = case.metadata.get(f"{against}_model")
    return (maker, other) if isinstance(other, str) else ()


def _scores_against_words(matched: Matched) -> bool:
    said = [one for one in matched.ratings if one.people is not None]
    return any(isinstance(one.judge, float) and isinstance(one.people, str) for one in said)


def _labelled(card: KeptCard | None) -> bool:
    return card is not None and card.labelled > 0


def _new(card: Card) -> NewCard:
    judge, kappa = card.judge, card.kappa
    return NewCard(
        model=judge.model, kind=judge.kind, options=judge.options, criterion=card.criterion, labelled=card.labelled,
        kappa=None if kappa is None else kappa.value, low=None if kappa is None else kappa.low, body=card.to_json(),
    )  # fmt: skip
