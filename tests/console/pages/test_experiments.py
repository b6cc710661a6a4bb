"""The pages of experiments: made with a form, started, looked at, decided and stopped."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pilothouse.access import Actor
from pilothouse.call import Span
from pilothouse.ids import new_id, now_us
from pilothouse.prompts.content import content_of

from ..site import Gateway, gateway

ADA = Actor("ada", "console")
CONFIG = "models: {echo: {deployments: [{provider: builtin, model: echo}]}}\n"
FORM: dict[str, Any] = {
    "name": "first", "prompt": "a/b", "label": "production", "arm_name": ["control", "new"], "arm_version": ["", "2"],
    "arm_model": ["", ""], "arm_weight": ["1", "3"], "primary": "errors", "guardrails": "latency 50%",
}  # fmt: skip


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Gateway]:
    with gateway(tmp_path, CONFIG) as made:
        prompts = made.platform.prompts.prompts
        for template in ("one", "two"):
            prompts.create("default", "a/b", content_of({"template": template}), by=ADA)
        prompts.promote("default", "a/b", 1, by=ADA)
        yield made


def called(site: Gateway, experiment: str, arm: str, user: int, *, failed: bool) -> None:
    about: dict[str, Any] = {"prompt_reference": "a/b", "experiment": experiment, "arm": arm, "experiment_unit": "user"}
    at = now_us()
    site.platform.recorder.record(Span(
        id=new_id(), trace_id=new_id(), project_id="default", name="chat", kind="llm", start_us=at, end_us=at + 9000,
        status="error" if failed else "ok", deployment="builtin/echo", user_id=f"{arm}{user}", attributes=about,
        prompt="a/b@1",
    ))  # fmt: skip


def test_from_the_form_to_the_decision(site: Gateway) -> None:
    assert "No experiments yet" in site.page("/experiments")
    assert 'value="2"' in site.page("/experiments/new?prompt=a/b&version=2")
    assert "primary: " in site.send("/experiments/new", **FORM | {"primary": "none"}).text
    assert "&#34;primary&#34;: &#34;errors&#34;" in site.send("/experiments/new", **FORM, action="json").text
    at = site.send("/experiments/new", **FORM).headers["location"].removeprefix("/console").partition("?")[0]
    assert "draft" in site.page(at)
    assert "already" in site.send("/experiments/new", **FORM).text
    assert site.send(at, action="choose", arm="new").status_code == 409
    assert site.send(at).status_code == 400  # nobody chose to end it
    assert "no call is split yet" in site.page(at)
    assert site.send(at, action="start").headers["location"].endswith("done=started")
    assert "The smallest arm has 0 of the 100 users that it decides from. Day 1 of" in site.page(at)
    assert "Its calls are split by" in site.page("/prompts/one?name=a/b")
    page = site.page(at)
    assert page.index("<button disabled hidden>") < page.index('value="choose"')  # which Enter in a field presses
    registry, one = site.platform.prompts.experiments.registry, at.rpartition("/")[2]
    for user in range(120):
        called(site, one, "control", user, failed=user % 2 == 0)
        for third in range(3):
            called(site, one, "new", 3 * user + third, failed=user % 8 == 0)
    site.platform.drainer.flush()
    site.platform.prompts.experiments.work.look("default", one)
    page = site.page(at)
    assert "better" in page
    assert "are split as they were meant to be" in page
    assert "of <bdi>new</bdi> less the control" in page
    assert 'class="s0 band"' in page
    assert "too few" not in page
    assert "first" in site.page("/experiments?status=decided")
    assert "is better in errors" in page  # its reason, with the numbers
    assert "/prompts/move?name=a/b&amp;version=2&amp;label=production" in page  # what to do next
    assert registry.get("default", one).status == "decided"
    assert "Nothing found" in site.page("/experiments?status=running")
    assert site.send(at, at="/experiments/new", action="stop").status_code == 409


def test_stopping_by_hand_and_what_is_not_there(site: Gateway) -> None:
    at = site.send("/experiments/new", **FORM | {"description": "<b>bold</b>\u202e"}).headers["location"]
    at = at.removeprefix("/console").partition("?")[0]
    site.send(at, action="start")
    stopped = site.send(at, action="stop", reason="<i>enough</i>")
    assert stopped.status_code == 303
    page = site.page(at)
    assert "Stopped by hand: &lt;i&gt;enough" in page
    assert "&lt;b&gt;bold" in page
    assert "\u202e" not in page
    assert "Another column" not in page
    for odd in ("nope", "%00", "x" * 300):
        site.page(f"/experiments/{odd}", 404)
    second = site.send("/experiments/new", **FORM | {"name": "second", "arm_version": ["", "99"]})
    missing = site.send(second.headers["location"].removeprefix("/console").partition("?")[0], action="start")
    assert (missing.status_code, "99" in missing.text) == (404, True)


def test_viewers_look_alone(site: Gateway) -> None:
    at = site.send("/experiments/new", **FORM).headers["location"].removeprefix("/console").partition("?")[0]
    site.act_as("viewer")
    page = site.page(at)
    assert "control" in page
    assert 'value="start"' not in page
    assert "New experiment" not in site.page("/experiments")
    site.page("/experiments/new", 403)
    assert site.client.post(f"/console{at}", data={"action": "start"}).status_code == 403
