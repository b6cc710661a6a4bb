from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .raw import RawUpstream
from .running import Up, running

BEHAVIOURS = (
    "good", "cached", "silent", "slow", "hang", "mute", "half", "reset", "stall", "status-429", "status-500",
    "status-529",
)  # fmt: skip
PATIENT = ("hang-patient", "stall-patient", "stall-300")
INPUT, OUTPUT = 2_000, 10_000
"""nano-USD per token: 2 and 10 USD per million. Cached input costs a tenth."""


def configuration(url: str, **more: Any) -> dict[str, Any]:
    """An alias for each thing the upstream does, and `<it>-safe`, which falls back to `good`. `refuse` finds nobody,
    and those in PATIENT are waited for."""
    patience = {"connect_timeout": 2, "read_timeout": 1, "first_token_timeout": 1}
    providers = {
        "raw": {"kind": "openai", "base_url": url, "api_key": "k", **patience},
        "nobody": {"kind": "openai", "base_url": "http://127.0.0.1:9/v1", "api_key": "k", **patience},
        "patient": {"kind": "openai", "base_url": url, "api_key": "k"},
    }
    resilience = {"retries": 0, "failures": 1_000_000, "error_share": 1.0}
    models: dict[str, Any] = {}
    for name in (*BEHAVIOURS, "refuse"):
        provider = {"refuse": "nobody", "slow": "patient"}.get(name, "raw")
        one = {"deployments": [{"provider": provider, "model": name}], "resilience": resilience}
        models |= {name: one, f"{name}-safe": {**one, "fallbacks": ["good"]}}
    for name in PATIENT:
        models[name] = {"deployments": [{"provider": "patient", "model": name}], "resilience": resilience}
    prices = [
        {"provider": p, "model": m, "input": 2, "output": 10, "cache_read": "0.2"}
        for p in providers
        for m in (*BEHAVIOURS, *PATIENT, "refuse")
    ]
    return {"providers": providers, "models": models, "prices": prices, **more}


@pytest.fixture(scope="module")
def upstream() -> Iterator[tuple[RawUpstream, str]]:
    made = RawUpstream()
    with made.serving() as url:
        yield made, url


@pytest.fixture
def raw(upstream: tuple[RawUpstream, str]) -> Iterator[RawUpstream]:
    yield upstream[0]
    upstream[0].release.clear()


@pytest.fixture(scope="module")
def up(upstream: tuple[RawUpstream, str], tmp_path_factory: pytest.TempPathFactory, models_dir: Path) -> Iterator[Up]:
    """One server for the tests of a file."""
    home = tmp_path_factory.mktemp("up") / "home"
    with running(home, models_dir, configuration(upstream[1])) as up:
        yield up
