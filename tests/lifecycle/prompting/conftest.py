"""Versions that answer as they are told to, over a real store."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pilothouse.access.audit import Actor
from pilothouse.config import Config
from pilothouse.errors import NotFound
from pilothouse.evals.runs.rooms import Rooms
from pilothouse.lifecycle.prompting.gate import PromptGate
from pilothouse.lifecycle.prompting.order import Order
from pilothouse.prompts.content import content_of
from pilothouse.prompts.versions import Version
from pilothouse.settings import Settings
from pilothouse.storage import Store, open_store
from pilothouse.storage.evaluating.dataset_items import NewItem
from pilothouse.storage.evaluating.datasets import Datasets
from pilothouse.storage.prompting.verdicts import KeptVerdict

from ...evals.runs.conftest import Bench, P

BY = Actor("ada", "api")


class Shelf:
    """Version N of `rag` is right about the first `right[N]` questions; `labels` say where labels point."""

    def __init__(self) -> None:
        self.right = {1: 20, 2: 5, 3: 40}
        self.labels = {"production": 1}
        self.tone = "Be kind."
        self.more: dict[int, str] = {}  # a variable that only this version has

    def get(self, project: str, name: str, *, version: int | None = None, label: str | None = None) -> Version:
        if name == "tone":
            content = content_of({"template": self.tone})
            return Version(project, name, 1, content, content.hash, "", "ada", 0)
        number = version or (max(self.right) if label == "latest" else self.labels.get(str(label), 0))
        if name != "rag" or number not in self.right:
            raise NotFound(f"There is no '{name}'.")
        more = self.more.get(number, "")
        text = f"v{number} {{{{ q }}}} {{% include 'tone' %}}" + (f" {{{{ {more} }}}}" if more else "")
        content = content_of({"template": text, "variables": {"q": {}, **({more: {}} if more else {})}, "model": "m"})
        return Version(project, name, number, content, content.hash, "", "ada", 0)

    def answer(self, request: Any) -> str:
        prompt = request.body["prompt"]
        question = prompt["variables"]["q"]
        return question if int(question) < self.right[prompt["version"]] else "no"


class Judging:
    """A gate with its rooms. `rules` are what the configuration says."""

    def __init__(self, bench: Bench) -> None:
        self.bench, self.shelf = bench, Shelf()
        self.rules: list[dict[str, Any]] = [{"suite": {"dataset": "support", "evaluators": ["exact"]}}]
        bench.chat.answers = [self.shelf.answer]
        self.config: dict[str, Any] = {}
        self.gate = PromptGate(bench.store, self.shelf, self.configured)
        self.fill(40)

    def configured(self) -> Config:
        return Config.model_validate({**self.config, "prompts": {"protected": self.rules}})

    @property
    def rooms(self) -> Rooms:
        return replace(self.bench.rooms, prompts=None)

    def fill(self, count: int) -> None:
        datasets = Datasets(self.bench.store)
        try:
            dataset = datasets.get(P, "support")
        except NotFound:
            dataset = datasets.create(P, "support")
        items = [NewItem(input=str(i), expected=str(i), metadata={"must": i == 0}) for i in range(count)]
        datasets.change(P, dataset, items)

    async def evaluate(self, version: int | None, **order: Any) -> KeptVerdict:
        return await self.gate.evaluate(self.rooms, P, Order("rag", version, **order), BY)

    def check(self, version: int, current: int | None = 1) -> list[str]:
        return self.gate.check(P, "rag", version, "production", current)


@pytest.fixture
def judging(tmp_path: Path) -> Iterator[Judging]:
    store: Store = open_store(Settings(home=tmp_path / "home"))
    yield Judging(Bench(store, tmp_path / "home"))
    store.close()
