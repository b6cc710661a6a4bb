"""A real `pilothouse up` in front of every vendor's wire-format server; clients come from this environment.

The servers run in the environment of the project (.venv, see the Makefile), which is not this one.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv" / "bin" / "python"
KEY = "ph-interop"
MODELS = {
    "": "wire-model",
    "-busy": "wire?fault=rate_limit&retry_after=7",
    "-long": "wire?fault=context_length",
    "-embed": "embed-wire",
}
WIRES = ("openai", "anthropic", "google", "bedrock", "cohere")


@dataclass(frozen=True)
class Door:
    """Where the gateway is. Each vendor has the aliases `<vendor>`, `<vendor>-busy` (answers 429), `<vendor>-long`
    (finds its input too long) and `<vendor>-embed`; `anthropic-older` takes no system message within a conversation."""

    url: str
    key: str = KEY

    @property
    def v1(self) -> str:
        return f"{self.url}/v1"


def _config(urls: dict[str, str], bedrock: dict[str, str]) -> dict[str, Any]:
    providers: dict[str, Any] = {name: {"base_url": url, "api_key": "sk-test"} for name, url in urls.items()}
    providers["openai"]["base_url"] += "/v1"
    del providers["bedrock"]["api_key"]
    providers["bedrock"]["options"] = bedrock
    models: dict[str, Any] = {}
    for name in WIRES:
        for suffix, model in MODELS.items():
            prefix = "cohere." if (name, suffix) == ("bedrock", "-embed") else ""
            deployments = [{"provider": name, "model": prefix + model}]
            models[name + suffix] = {"deployments": deployments, "resilience": {"retries": 0, "failures": 1000}}
    models["anthropic-older"] = {"deployments": [{"provider": "anthropic", "model": "claude-opus-4-7"}]}
    return {"providers": providers, "models": models}


@pytest.fixture(scope="session")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    if not PYTHON.exists():
        pytest.fail(f"{PYTHON} is missing: `make interop` makes it.")
    folder = tmp_path_factory.mktemp("interop")
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PILOTHOUSE_", "PYTEST_"))}
    env |= {"PILOTHOUSE_MASTER_KEY": KEY, "PILOTHOUSE_MODELS": str(ROOT / ".pilothouse" / "models")}
    env |= {"PYTHONUNBUFFERED": "1"}
    given: dict[str, Any] = {"env": env, "cwd": folder, "text": True, "stdout": subprocess.PIPE}
    with ExitStack() as stack:
        upstreams = stack.enter_context(
            subprocess.Popen(
                [PYTHON, Path(__file__).with_name("upstreams.py")], stdin=subprocess.PIPE, **given
            )  # standard input ends with this process, whatever becomes of it
        )
        stack.callback(upstreams.terminate)
        config = folder / "pilothouse.yaml"
        config.write_text(json.dumps(_config(**json.loads(upstreams.stdout.readline()))))
        command = [PYTHON, "-m", "pilothouse", "--home", folder / "home", "up", "--port", "0"]
        gateway = stack.enter_context(subprocess.Popen(command, **given))
        stack.callback(gateway.terminate)
        yield Door(gateway.stdout.readline().rsplit(" ", 1)[-1].strip())


@pytest.fixture(params=WIRES)
def wire(request: pytest.FixtureRequest) -> str:
    """The alias of a model at each vendor, one after the other."""
    name: str = request.param
    return name
