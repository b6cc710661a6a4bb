"""A platform on builtin models: `default` says what it was asked, `short` the first word of it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from pilothouse.app import Platform, build
from pilothouse.call import Call
from pilothouse.settings import Settings
from pilothouse.storage.evaluating.dataset_items import NewItem
from pilothouse.storage.evaluating.datasets import Datasets
from pilothouse.types import ChatRequest

CONFIG = """
models:
  default: {deployments: [{provider: builtin, model: echo}]}
  short: {deployments: [{provider: builtin, model: echo}], output: {default: 1}}
"""


class Words:
    """In place of the encoder, of which estimates need only the count of tokens."""

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]

    async def aclose(self) -> None:
        return None


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    path = tmp_path / "pilothouse.yaml"
    path.write_text(CONFIG)
    settings = Settings(home=tmp_path / "home", config=path)
    with build(settings) as made:
        made.encode = Words()  # type: ignore[assignment]
        yield made


@pytest.fixture
def dataset(platform: Platform) -> str:
    """Twelve questions of two words, of which the first six are expected to come back as they are, six as one word."""
    datasets = Datasets(platform.store)
    made = datasets.create("default", "questions")
    items = [
        NewItem(
            key=f"q{n}", input=f"word{n} and", expected=f"word{n} and" if n < 6 else f"word{n}",
            metadata={"half": "first" if n < 6 else "second"},
        )
        for n in range(12)
    ]  # fmt: skip
    datasets.change("default", made, iter(items), author="test", note="")
    return "questions"


@pytest.fixture
def recorded(platform: Platform) -> Callable[..., None]:
    """Records chats of production."""

    def record(
        *texts: str, model: str = "default", endpoint: str | None = "/v1/chat/completions",
        request_id: str = "req_1", **body: Any,
    ) -> None:  # fmt: skip
        async def ask() -> None:
            for text in texts:
                messages = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": text}]
                request = ChatRequest.check({"model": model, "messages": messages, **body})
                call = Call(platform.recorder, endpoint=endpoint, request_id=request_id)
                async with aclosing(platform.gateway.chat(request, call)) as chunks:
                    async for _ in chunks:
                        pass

        platform.run(ask())
        platform.drainer.flush()

    return record
