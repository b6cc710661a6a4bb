"""Better versions looked for: found where the model's answers hang on the prompt, and none where they do not."""

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pilothouse.errors import Cancelled, ConfigError, InvalidRequest, NotFound
from pilothouse.evals.runs.runner import Heard
from pilothouse.lifecycle.optimizing import search
from pilothouse.lifecycle.optimizing.order import optimize_order
from pilothouse.lifecycle.optimizing.search import Optimizer
from pilothouse.lifecycle.optimizing.told import Optimized, sentences
from pilothouse.prompts.content import content_of
from pilothouse.prompts.registry import Prompts
from pilothouse.settings import Settings
from pilothouse.storage import open_store
from pilothouse.storage.evaluating.dataset_items import NewItem
from pilothouse.storage.evaluating.datasets import Datasets

from ...evals.judges.conftest import HashedWords
from ...evals.runs.conftest import Bench, P
from ..prompting.conftest import BY

RULE = "Answer with the word alone."
TEMPLATE = "Name the capital: {{ q }}"
Answer = Callable[[Any], str]


class Lab:
    """The prompt `capital` and the dataset `capitals` of 40 questions; `model` answers as `answers`, `writer` writes
    `proposals`."""

    def __init__(self, bench: Bench) -> None:
        self.bench, self.prompts = bench, Prompts(bench.store.control)
        self.answers: Answer = lambda request: "no"
        self.proposals = [json.dumps({"template": f"{RULE} {TEMPLATE}", "why": "It says the form."})]
        bench.chat.answers = [self.answer]
        self.heard: list[tuple[int, int]] = []
        self.add({"template": TEMPLATE, "model": "model"})
        dataset = Datasets(bench.store).create(P, "capitals")
        items = [NewItem(key=f"k{i:02}", input=f"question {i} about {i % 4}", expected=f"word{i}") for i in range(40)]
        Datasets(bench.store).change(P, dataset, items)

    def add(self, content: Any) -> None:
        self.prompts.create(P, "capital", content_of(content), by=BY)

    def answer(self, request: Any) -> str:
        if request.model == "writer":
            return self.proposals.pop(0) if len(self.proposals) > 1 else self.proposals[0]
        return self.answers(request)

    async def optimize(self, heard: Heard | None = None, **order: Any) -> Optimized:
        async def fingerprint(model: str) -> str:
            if model == "away":
                raise NotFound("No model 'away'.")
            return self.bench.version

        rooms = replace(self.bench.rooms, prompts=self.prompts, encode=HashedWords(), fingerprint=fingerprint)
        asked = optimize_order("capital", {"dataset": "capitals", "concurrency": 2, **order})
        self.heard = []
        heard = heard or (lambda done, total, nano: self.heard.append((done, total)))
        return await Optimizer(rooms, self.prompts, P, "capital", asked, BY, heard=heard).run()


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    store = open_store(Settings(home=tmp_path / "home"))
    yield Lab(Bench(store, tmp_path / "home"))
    store.close()


def word_of(request: Any) -> str:
    return "word" + request.last_user_text().rpartition("question ")[2].split()[0]


def by_rule(request: Any) -> str:
    """Right where the prompt says the form."""
    return word_of(request) if RULE in request.last_user_text() else f"It is {word_of(request)}."


def by_examples(request: Any) -> str:
    """Right where the prompt shows examples."""
    return word_of(request) if "Examples:" in request.last_user_text() else f"It is {word_of(request)}."


async def test_a_model_writes_a_better_prompt(lab: Lab) -> None:
    lab.answers = by_rule
    told = await lab.optimize(rewrite_model="writer", rewrites=1, examples=2)
    assert (told.verdict, told.source, told.version, told.dataset) == ("better", 1, 2, "capitals@1")
    assert told.change is not None
    assert (told.change.before, told.change.after, told.change.n) == (0, 1, told.held_out)
    assert told.train + told.held_out == 40
    kept = lab.prompts.get(P, "capital", version=2)
    assert (kept.labels, kept.parent, kept.author) == (("latest",), 1, "ada")
    assert kept.content.template == f"{RULE} {TEMPLATE}"
    assert kept.message.startswith("Written anew by writer (1), from capital@1, on capitals@1. Held out: exact 0.000 →")
    assert [one.after for one in told.proposals] == [0, 1]
    said = sentences(told)
    assert said[-2].startswith("Kept as capital@2, without a label.")
    assert told.cost_usd == pytest.approx(7e-9 * len(lab.bench.chat.asked))
    question = next(one for one in lab.bench.chat.asked if one.model == "writer").body["messages"][1]["content"]
    assert question.count("Case ") == 8
    assert "<untrusted-" in question


async def test_examples_are_found_offline_and_are_not_among_what_tells(lab: Lab) -> None:
    lab.answers = by_examples
    told = await lab.optimize(examples=4)
    assert told.verdict == "better"
    assert all(one.model == "model" for one in lab.bench.chat.asked)
    assert told.version is not None
    examples = lab.prompts.get(P, "capital", version=told.version).content.examples
    assert len(examples) == 4
    assert {one.n for one in told.proposals} == {told.train - 4}
    assert len({str(one.input).split("about ")[1] for one in examples}) == 4  # one of each kind of question
    held = {one.last_user_text() for one in lab.bench.chat.asked[-told.held_out :]}
    assert not any(text.rpartition("capital: ")[2] in str(example.input) for text in held for example in examples)


async def test_where_there_is_nothing_to_find_it_says_so(lab: Lab) -> None:
    lab.answers = word_of
    told = await lab.optimize(rewrite_model="writer")
    assert (told.verdict, told.version, told.proposals) == ("none", None, ())
    assert told.why == "No better version was found: no proposal was measured."
    assert len(lab.bench.chat.asked) == told.train
    assert lab.heard[-1] == (told.train, told.train)  # what was foreseen for proposals is not waited for
    lab.answers, lab.bench.version = lambda request: "always wrong", "2"
    told = await lab.optimize(rewrite_model="writer", examples=2)
    assert told.verdict == "none"
    assert {one.after for one in told.proposals if not one.refused} == {0}
    assert lab.prompts.newest(P, "capital").number == 1


async def test_what_was_right_about_train_alone_is_not_kept(lab: Lab) -> None:
    seen = list[str]()

    def overfitted(request: Any) -> str:
        """The proposal is right about what was asked so far, and about nothing new."""
        question = request.last_user_text().rpartition("capital: ")[2]
        if RULE not in request.last_user_text():
            seen.append(question)
            return "no"
        return word_of(request) if question in seen[:20] else "no"

    lab.answers = overfitted
    told = await lab.optimize(rewrite_model="writer", rewrites=1, examples=0)
    assert told.verdict == "none"
    assert told.proposals[0].after is not None
    assert told.proposals[0].after > 0.5
    assert "on the held-out cases the best proposal is not ahead" in told.why


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("I cannot.", "the answer was no JSON object with a 'template'"),
        ('{"template": 3}', "the template cannot be one"),
        ('{"template": "{{ q"}', "the template cannot be read"),
        ('{"template": "Name the capital."}', "the variables are others: without q"),
        ('{"template": "{{ q }} {{ key }}"}', "the variables are others: with key"),
        (
            '{"template": "{% include \'capital\' %}{{ q }}"}',
            "the included prompts are others: with capital#production",
        ),
        ('{"template": "{% include \'a@b@\' %}{{ q }}"}', "the template cannot be one"),
        (json.dumps({"template": "x" * 8000 + "{{ q }}"}), "the template has 8,007 characters, 8,000 are the most"),
        ('{"template": "{% for i in range(10**9) %}{{ q }}{% endfor %}"}', "exact could be told of no train case."),
        (json.dumps({"template": TEMPLATE}), "the template is the same"),
        (RuntimeError and InvalidRequest("No such model."), "the model failed: No such model."),
    ],
)
async def test_a_proposal_that_is_none_is_told(lab: Lab, answer: Any, said: str) -> None:
    lab.proposals = [answer]
    told = await lab.optimize(rewrite_model="writer", rewrites=1, examples=0)
    (proposal,) = told.proposals
    assert proposal.refused.startswith(said)
    assert told.verdict == "none"
    assert any(said in line for line in sentences(told))


async def test_it_is_called_off_while_a_model_writes(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, left = asyncio.Event(), asyncio.Event()

    async def never(*_: Any) -> str:
        asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            left.set()
        return ""

    def heard(done: int, total: int, nano: int) -> None:
        if asked.is_set():
            raise Cancelled("The job was cancelled.")

    monkeypatch.setattr(search, "ask", never)
    monkeypatch.setattr(search, "_LOOK", 0.001)
    with pytest.raises(Cancelled, match="was cancelled"):
        await lab.optimize(rewrite_model="writer", examples=0, heard=heard)
    await left.wait()


async def test_it_ends_with_its_money(lab: Lab) -> None:
    lab.answers = by_rule
    told = await lab.optimize(rewrite_model="writer", max_cost_usd=Decimal("0.0000001"))  # 14 answers
    assert told.verdict == "none"
    assert "ended early" in told.why
    assert 0 < len(lab.bench.chat.asked) <= 14
    assert told.cost_usd is not None
    assert told.cost_usd <= 1e-7


async def test_money_is_kept_for_the_held_out_cases(lab: Lab) -> None:
    lab.answers = by_rule
    lab.proposals = [json.dumps({"template": f"{RULE} {i} {TEMPLATE}"}) for i in range(9)]
    cost = Decimal(7 * 130) / 10**9  # one answer is 7: train twice, held out twice, and what rewriting costs
    told = await lab.optimize(rewrite_model="writer", rewrites=8, examples=0, max_cost_usd=cost)
    assert (told.verdict, told.version) == ("better", 2)
    assert len(told.proposals) < 8
    assert any("Not all was tried" in note for note in told.notes)
    assert told.cost_usd is not None
    assert told.cost_usd <= float(cost)


async def test_a_prompt_with_a_variable_of_that_name_gets_no_examples(lab: Lab) -> None:
    lab.add(
        {"template": "{{ examples }} {{ q }}", "variables": {"q": {}, "examples": {"default": "x"}}, "model": "model"}
    )
    told = await lab.optimize(version=2, examples=2)
    assert told.verdict == "none"
    assert "No examples were proposed: 'examples' is a variable of this prompt." in told.notes


async def test_both_together_and_from_another_version(lab: Lab) -> None:
    def by_both(request: Any) -> str:
        text = request.last_user_text()
        points = (RULE in text) + ("Examples:" in text)
        number = int(word_of(request).removeprefix("word"))
        return word_of(request) if number % 3 < points + (points == 2) else "no"

    lab.answers = by_both
    lab.add({"template": "something else {{ q }}", "model": "model"})
    told = await lab.optimize(rewrite_model="writer", rewrites=1, examples=2, version=1)
    assert (told.source, told.version, told.verdict) == (1, 3, "better")
    assert told.proposals[-1].how.startswith("written anew by writer (1), with 2 examples")
    assert told.change is not None
    assert told.change.after == 1
    assert lab.prompts.newest(P, "capital").message.endswith(".")


async def test_the_same_proposal_counts_once(lab: Lab) -> None:
    lab.answers = by_rule
    told = await lab.optimize(rewrite_model="writer", rewrites=2, examples=0)
    assert [one.refused for one in told.proposals] == ["", "another proposal is the same"]


async def test_splits_of_the_dataset_are_kept_to(lab: Lab) -> None:
    datasets = Datasets(lab.bench.store)
    dataset = datasets.create(P, "split")
    names = ["train"] * 6 + ["test"] * 4 + ["spare"] * 3
    datasets.change(P, dataset, [NewItem(key=f"s{i}", input=f"question {i} x", expected=f"word{i}", split=name)
                                 for i, name in enumerate(names)])  # fmt: skip
    lab.answers = by_rule
    told = await lab.optimize(dataset="split", rewrite_model="writer", rewrites=1, examples=0)
    assert (told.train, told.held_out, told.version) == (6, 4, 2)
    assert told.verdict == "unsure"  # all four are won, which happens by chance in one of eight
    assert told.notes == ("4 held-out cases are few: their interval says little.",)
    with pytest.raises(InvalidRequest, match="has the splits spare, test, train: say which"):
        await lab.optimize(dataset="split", train="dev")


async def test_no_input_is_on_both_sides_nor_counts_where_it_is_an_example(lab: Lab) -> None:
    datasets = Datasets(lab.bench.store)
    dataset = datasets.create(P, "twice")
    items = [NewItem(key=f"t{i}", input=f"question {i % 4} x", expected=f"word{i % 4}", split="train")
             for i in range(8)]  # fmt: skip
    items += [NewItem(key=f"h{i}", input=f" QUESTION {i} x", expected=f"word{i}", split="test") for i in range(2, 12)]
    datasets.change(P, dataset, items)
    lab.answers = by_examples
    told = await lab.optimize(dataset="twice", examples=2)
    assert (told.train, told.held_out) == (8, 8)
    assert "Held-out cases left out, as a train case has the same input: 2." in told.notes
    assert {one.n for one in told.proposals} == {4}
    shown = {str(one.input) for one in lab.prompts.newest(P, "capital").content.examples}
    asked = [one.last_user_text() for one in lab.bench.chat.asked if "Examples:" in one.last_user_text()]
    assert not any(text.rpartition("capital: ")[2].casefold() in one for one in shown for text in asked)


async def test_a_limit_takes_of_both_sides(lab: Lab) -> None:
    datasets = Datasets(lab.bench.store)
    dataset = datasets.create(P, "long")
    datasets.change(P, dataset, [NewItem(key=f"s{i:02}", input=f"question {i} x", expected=f"word{i}",
                                         split="train" if i < 30 else "test") for i in range(40)])  # fmt: skip
    lab.answers = by_rule
    told = await lab.optimize(dataset="long", limit=8, rewrite_model="writer", rewrites=1, examples=0)
    assert (told.train, told.held_out) == (6, 2)
    assert "8 of 40 cases, drawn by their ids ('limit' bounds them)." in told.notes


async def test_what_cannot_be_is_refused_before_anything_is_asked(lab: Lab) -> None:
    for wrong, error in [
        ({"dataset": "away"}, NotFound), ({"version": 9}, NotFound), ({"metric": "exakt"}, ConfigError),
        ({"metric": "exact", "evaluators": ["regex"]}, Exception), ({"examples": 0}, InvalidRequest),
        ({"version": 1, "label": "production"}, InvalidRequest), ({"max_cost_usd": -1}, InvalidRequest),
        ({"limit": 3}, InvalidRequest), ({"surprise": 1}, InvalidRequest), ({"train": "dev"}, InvalidRequest),
        ({"rewrite_model": "away"}, InvalidRequest),
    ]:  # fmt: skip
        with pytest.raises(error):
            await lab.optimize(**wrong)
    lab.add({"template": TEMPLATE})
    with pytest.raises(ConfigError, match="names no model"):
        await lab.optimize(version=2)
    assert lab.bench.chat.asked == []
