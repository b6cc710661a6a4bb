"""Over HTTP, from one version to the next: a model that answers by what its prompt says, and a platform that decides.

Version 2 fails its gate. Version 3 passes, gets a tenth of the calls, wins and is rolled out. Version 4 passes, too,
and fails at what real users ask: the alert fires, and the label returns to version 3.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from pilothouse.app import Platform, build
from pilothouse.settings import Settings
from pilothouse.testing.openai_server import OpenAIServer
from pilothouse.testing.wire import Answer, Heard
from pilothouse.types import Json, Usage

NAME = "support/answer"
PROMPTS = {1: "Answer.", 2: "Guess.", 3: "Answer, and check it.", 4: "Answer, check it, and be careful."}
QUESTIONS = [f"What is the number {n}?" for n in range(40)]
CONFIG: dict[str, Any] = {
    "models": {"default": {"deployments": [{"provider": "vendor", "model": "wire-large"}]}},
    "prices": [{"provider": "vendor", "model": "wire-large", "input": 1, "output": 2}],
    "prompts": {
        "protected": [{
            "prompts": "support/*", "margin": 0.1, "must_pass": "metadata.must_pass", "cost_rise": 0.5,
            "suite": {"dataset": "support", "evaluators": ["exact"], "concurrency": 16},
        }],
        "watch": {"rollback": True, "minimum": 20, "every": 86_400, "metrics": ["scores", "refusals", "cost"]},
    },
}  # fmt: skip


class Vendor(OpenAIServer):
    """Right about as many of five questions as its prompt is good for. The last prompt refuses every second question
    that the dataset does not have."""

    def pick(self, heard: Heard) -> Answer:
        version = next(number for number, text in PROMPTS.items() if text == heard.system)
        number = int(heard.turns[-1].text.rstrip("?").rpartition(" ")[2])
        text = str(number) if number % 5 < {1: 3, 2: 1, 3: 5, 4: 5}[version] else "I do not know."
        if version == 4 and number >= len(QUESTIONS) and number % 2:
            text = "I'm sorry, but I can't help with that."
        return Answer(text=text, usage=Usage(input_tokens=20 + version, output_tokens=3))


class Site:
    """A served platform, asked with its administrator's key. Each user of the prompt asks once."""

    def __init__(self, platform: Platform, session: aiohttp.ClientSession) -> None:
        self.platform, self._session, self._asked = platform, session, len(QUESTIONS)
        self._scores: list[Json] = []

    async def ask(self, method: str, path: str, body: Any = None, status: int = 0) -> Any:
        async with self._session.request(method, path, json=body) as answer:
            told = await answer.json()
            assert answer.status == status if status else answer.status < 300, told
            return told

    async def call(self) -> tuple[str, str]:
        """A question of a new user to the label `production`: the version that answered, and the experiment's arm."""
        self._asked += 1
        number = self._asked
        prompt = {"name": NAME, "variables": {"question": f"What is the number {number}?"}}
        body = {"prompt": prompt, "user": f"user-{number}"}
        async with self._session.post("/v1/chat/completions", json=body) as answer:
            told = await answer.json()
            assert answer.status == 200, told
            right = told["choices"][0]["message"]["content"] == str(number)
            trace, arm = answer.headers["x-pilothouse-trace-id"], answer.headers.get("x-pilothouse-experiment", "/")
            self._scores.append({"trace_id": trace, "name": "right", "value": int(right)})
            return answer.headers["x-pilothouse-prompt"], arm.partition("/")[2]

    async def calls(self, count: int) -> list[tuple[str, str]]:
        """So many of them, eight at once; afterwards all are in the database, each with a score."""
        done: list[tuple[str, str]] = []
        while len(done) < count:
            done += await asyncio.gather(*(self.call() for _ in range(8)))
        await asyncio.to_thread(self.platform.drainer.flush)
        await self.ask("POST", "/api/scores", {"scores": self._scores})
        self._scores = []
        return done

    async def evaluated(self, versions: Iterable[int]) -> list[Any]:
        """The verdicts over these versions, judged at once."""
        jobs = [await self.ask("POST", f"/api/prompts/{NAME}/evaluate", {"version": one}) for one in versions]
        for place, job in enumerate(jobs):
            while job["status"] in ("queued", "running"):
                await asyncio.sleep(0.05)
                job = await self.ask("GET", f"/api/jobs/{job['id']}")
            assert job["status"] == "done", job
            jobs[place] = job["result"]
        return jobs

    async def promote(self, version: int, status: int = 200, **body: Any) -> Any:
        path = f"/api/prompts/{NAME}/labels/production"
        return await self.ask("PUT", path, {"version": version, **body}, status)

    async def production(self) -> int:
        return int((await self.ask("GET", f"/api/prompts/{NAME}/resolved"))["version"])


@asynccontextmanager
async def site(folder: Path) -> AsyncIterator[Site]:
    async with Vendor() as vendor:
        provider = {"kind": "openai", "api_key": "sk-test", "base_url": f"{vendor.url}/v1"}
        path = folder / "pilothouse.yaml"
        path.write_text(yaml.safe_dump({**CONFIG, "providers": {"vendor": provider}}))
        with build(Settings(home=folder / "home", config=path, master_key="ph-master")) as platform:
            platform.first_key()
            headers = {"authorization": "Bearer ph-master"}
            async with (
                platform.server("127.0.0.1", 0).running() as address,
                aiohttp.ClientSession(address, headers=headers) as session,
            ):
                yield Site(platform, session)


async def test_from_a_version_that_fails_its_gate_to_one_that_is_rolled_back(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        await here.ask("POST", "/api/datasets", {"name": "support"})
        items = [
            {"input": {"question": one}, "expected": str(n), "metadata": {"must_pass": n == 0}}
            for n, one in enumerate(QUESTIONS)
        ]
        await here.ask("POST", "/api/datasets/support/items", {"add": items})
        for text in PROMPTS.values():
            messages = [{"role": "system", "content": text}, {"role": "user", "content": "{{ question }}"}]
            content = {"template": messages, "model": "default", "variables": {"question": {"type": "string"}}}
            await here.ask("POST", "/api/prompts", {"name": NAME, "content": content})
        await here.promote(1, force=True, reason="The first one.")

        second, third = await here.evaluated([2, 3])
        assert "'exact': 0.600 before, 0.200 now over 40 cases" in second["reasons"][0]
        refused = await here.promote(2, 409)
        assert refused["error"]["code"] == "promotion_refused"
        assert second["reasons"][0] in refused["error"]["message"]
        assert (third["passed"], third["against"]) == (True, 1)

        experiment = await wins(here)
        assert await here.production() == 3
        assert {version for version, _ in await here.calls(24)} == {f"{NAME}@3"}

        (fourth,) = await here.evaluated([4])
        assert (fourth["passed"], fourth["against"]) == (True, 3)
        await here.promote(4)
        assert {version for version, _ in await here.calls(32)} == {f"{NAME}@4"}
        (watched,) = (await here.ask("POST", f"/api/prompts/{NAME}/watch"))["data"]
        assert watched["went_back"]
        assert {one["name"] for one in watched["figures"] if one["got_worse"]} == {"refusals", "score:right"}
        assert await here.production() == 3
        assert {version for version, _ in await here.calls(8)} == {f"{NAME}@3"}
        await tells(here, experiment)


async def wins(here: Site) -> str:
    """Version 3 gets a tenth of the calls until it has enough, and wins; the experiment's id."""
    arms = [{"name": "now", "version": 1, "weight": 9}, {"name": "checked", "version": 3, "weight": 1}]
    design = {
        "name": "checking", "target": {"prompt": NAME}, "arms": arms, "primary": "score:right", "minimum_units": 20,
        "act": {"win": "rollout"},
    }  # fmt: skip
    started = await here.ask("POST", "/api/experiments?start=true", design)
    split: list[tuple[str, str]] = []
    while sum(arm == "checked" for _, arm in split) < 30:  # with 22 one experiment of seven does not see it yet
        split += await here.calls(40)
    assert set(split) == {(f"{NAME}@1", "now"), (f"{NAME}@3", "checked")}
    assert sum(arm == "checked" for _, arm in split) < 0.25 * len(split)
    decided = await here.ask("POST", "/api/experiments/checking/look")
    outcome = decided["outcome"]
    assert (decided["status"], outcome["kind"], outcome["arm"]) == ("decided", "won", "checked"), decided
    return str(started["id"])


async def tells(here: Site, experiment: str) -> None:
    """The alert, the audit log and the spans tell of all of it."""
    (alert,) = [one for one in await here.ask("GET", "/api/alerts") if one["rule"] == "prompt"]
    assert alert["subject"] == f"{NAME}#production"
    assert "refusals was 0.0% over" in alert["text"]
    entries = await here.ask("GET", f"/api/audit?subject=prompt:{NAME}")
    moves = [one for one in reversed(entries) if one["action"] != "prompt.create"]
    assert [(one["action"], one["after"]["version"], one["actor"].partition(" ")[0]) for one in moves] == [
        ("prompt.promote.forced", 1, "master"), ("prompt.promote", 3, f"experiment:{experiment}"),
        ("prompt.promote", 4, "master"), ("prompt.rollback", 3, "watch"),
    ]  # fmt: skip
    assert moves[-1]["after"]["reason"] == alert["text"]
    for version, least in ((1, 100), (3, 50), (4, 32)):
        traces = (await here.ask("GET", f"/api/traces?prompt={NAME}@{version}&limit=500"))["data"]
        assert sum(one["endpoint"] == "/v1/chat/completions" for one in traces) >= least, version
