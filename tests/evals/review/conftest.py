"""A store where the database makes no difference, and a way to record calls in it."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pilothouse.call import Span
from pilothouse.settings import Settings
from pilothouse.storage import Store, open_store

AT = 1_750_000_000_000_000
Write = Callable[[Iterable[Span]], None]


@pytest.fixture
def sqlite_store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(Settings(home=tmp_path))
    yield store
    store.close()


def asked(i: int, **changes: Any) -> Span:
    fields: dict[str, Any] = {
        "trace_id": f"t{i:02}", "id": f"s{i}", "project_id": "default", "name": "chat", "kind": "llm",
        "start_us": AT + i * 1_000_000, "end_us": AT + i * 1_000_000 + 5, "user_id": f"u{i % 2}",
        "feature": "search" if i % 4 == 3 else "chat",
        "input": {"messages": [{"role": "user", "content": f"question {i}"}]},
        "output": {"choices": [{"message": {"role": "assistant", "content": f"answer {i}"}}]},
    }  # fmt: skip
    return Span(**(fields | changes))
