"""The red team against models whose behaviour is known, one that obeys and one that refuses, with and without guards.
Prints the tables of redteam.md. No model is paid: both are servers of `pilothouse.testing` on this machine.

    python benchmarks/guards/redteam.py [POLICY.yaml]

POLICY.yaml has policies under `guards.policies`, as pilothouse.yaml has; each is put before the obedient model.
"""

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import yaml

from pilothouse.app import Platform, build
from pilothouse.evals.runs.evaluate import work
from pilothouse.redteam.building import Choice
from pilothouse.redteam.ordering import Order, begin
from pilothouse.redteam.report import FAILED, Rate, Report, report_of
from pilothouse.redteam.seeds import seeds
from pilothouse.redteam.shapes import CLASSES
from pilothouse.settings import Settings
from pilothouse.storage.evaluating.eval_runs import EvalRuns
from pilothouse.testing.obedience import ObedientServer, RefusingServer
from pilothouse.types import Json

MEMORY = [f"{seed.prefix} {seed.continuation}" for seed in seeds() if seed.source]
WORDS = ["hyphen", "reference code", "ignore", "instructions"]
READ = ("input", "retrieval", "tool")
POLICIES: Json = {
    "words": {stage: [{"use": "words", "words": WORDS}] for stage in READ},
    "rules": {stage: ["injection_rules", "hidden_text"] for stage in READ},
    "head": {stage: ["injection"] for stage in READ},
    "leak": {"output": ["prompt_leak"]},
    "all": {"output": ["prompt_leak"]} | {stage: ["injection_rules", "hidden_text", "injection"] for stage in READ},
}
"""The defaults of each guard, on everything that is read; nothing was chosen for these attacks but the list of words,
which was written with them in view."""


def main(path: str | None) -> None:
    policies = POLICIES if path is None else yaml.safe_load(Path(path).read_text())["guards"]["policies"]
    with ObedientServer(MEMORY) as obedient, RefusingServer() as refusing, tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "pilothouse.yaml"
        models: Json = {name: _alias("obedient", [name]) for name in policies}
        models |= {"obedient": _alias("obedient", []), "refusing": _alias("refusing", [])}
        config.write_text(yaml.safe_dump({
            "providers": {
                "obedient": {"kind": "openai", "base_url": f"{obedient.url}/v1", "api_key": "x"},
                "refusing": {"kind": "openai", "base_url": f"{refusing.url}/v1", "api_key": "x"},
            },
            "models": models, "guards": {"policies": policies},
        }))  # fmt: skip
        with build(Settings.from_env(home=Path(folder) / "home", config=config)) as platform:
            found = platform.run(_all(platform, ["refusing", "obedient", "agent:obedient", *policies]))
    _by_class(found)
    _by_mutator(found[1:])


def _alias(provider: str, guards: Sequence[str]) -> Json:
    return {"deployments": [{"provider": provider, "model": "m"}], "guards": [*guards]}


async def _all(platform: Platform, targets: Sequence[str]) -> list[Report]:
    found = []
    for target in targets:
        rooms, run, prepared = await begin(platform, "default", Order(target=target, choice=Choice(), concurrency=4))
        ended = await work(rooms, "default", run, prepared)
        found.append(report_of(ended.run, EvalRuns(platform.store).each("default", run.id)))
    return found


def _by_class(found: Sequence[Report]) -> None:
    print("| class | attacks |" + "".join(f" {one.target} |" for one in found))
    print("|---|---|" + "---|" * len(found))
    for name in ("all", *CLASSES):
        rates = [one.rate(name) for one in found]
        print(f"| {name} | {rates[0].n if rates[0] else 0} |" + "".join(f" {_told(one)} |" for one in rates))
    harmless = [one.harmless for one in found]
    print("| harmless, stopped | 20 |" + "".join(f" {_told(one)} |" for one in harmless))
    blind = [sorted({share.guard for share in one.guards if share.action == FAILED}) for one in found]
    print("| could not look | |" + "".join(f" {', '.join(names)} |" for names in blind))
    print("| errors | |" + "".join(f" {one.errors} |" for one in found))


def _by_mutator(found: Sequence[Report]) -> None:
    print("\n| mutator | attacks |" + "".join(f" {one.target} |" for one in found))
    print("|---|---|" + "---|" * len(found))
    for rate in sorted(found[0].mutators, key=lambda one: one.name):
        others = [next(one for one in report.mutators if one.name == rate.name) for report in found]
        print(f"| {rate.name} | {rate.n} |" + "".join(f" {_told(one)} |" for one in others))


def _told(rate: Rate | None) -> str:
    if rate is None or rate.rate is None or rate.low is None or rate.high is None:
        return ""
    return f"{rate.rate:.1%} ({rate.low * 100:.1f} to {rate.high * 100:.1f})"


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
