"""The pages of prompts: the list with folders, one with versions and labels, its history, two versions side by side."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pilothouse.access import Actor
from pilothouse.call import Span
from pilothouse.ids import new_id, now_us
from pilothouse.prompts.content import content_of
from pilothouse.prompts.registry import Prompts
from pilothouse.prompts.versions import Move
from pilothouse.storage.prompting.verdicts import KeptVerdict
from pilothouse.storage.prompting.watches import Watched
from pilothouse.types import Usage

from ..site import HOSTILE, Gateway, gateway

CONFIG = "models: {echo: {deployments: [{provider: builtin, model: echo}]}}\n"
ADA = Actor("ada", "console")
BAD = HOSTILE.replace("\0", "")


def kept(prompts: Prompts, name: str, *templates: str, message: str = "") -> None:
    for template in templates:
        prompts.create("default", name, content_of({"template": template}), by=ADA, message=message)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Gateway]:
    with gateway(tmp_path, CONFIG) as made:
        yield made


def test_the_list_shows_folders_and_what_changed_last(site: Gateway) -> None:
    assert "No prompts yet" in site.page("/prompts")
    prompts = site.platform.prompts.prompts
    kept(prompts, "support/refund", "a", "b", message=f"shorter {BAD}")
    kept(prompts, "support/deep/er", "a")
    kept(prompts, "tone", "calm")
    prompts.describe("default", "tone", by=ADA, description=BAD, tags=["voice"])
    prompts.promote("default", "tone", 1, by=ADA)
    page = site.page("/prompts")
    assert 'href="?folder=support/"' in page
    assert "2 prompts" in page
    assert "refund" not in page
    assert re.search(r'pill ok"><bdi>production</bdi> 1', page)
    page = site.page("/prompts?folder=support/")
    assert 'href="/console/prompts/one?name=support/refund"><bdi>refund</bdi>' in page
    assert "ada</bdi>: <bdi>shorter &lt;script" in page
    assert 'href="?folder=support/deep/"' in page
    assert "tone" not in re.sub(r"<style.*?</style>", "", page)
    for narrowed in ("text=REFUND", "tag=voice", "label=production", "folder=support/deep/"):
        found = site.page(f"/prompts?{narrowed}")
        assert ("refund" in found) == (narrowed == "text=REFUND")
    for nothing in ("text=%25", "label=Nope!", "folder=none/", "tag=x", "after=zz", "folder=%00%ED%A0%80"):
        assert "Nothing found" in site.page(f"/prompts?{nothing}"), nothing
    assert "<script>document" not in page


def test_pages_of_a_folder_go_on_where_the_one_before_ended(site: Gateway) -> None:
    prompts = site.platform.prompts.prompts
    for n in range(53):
        kept(prompts, f"many/p{n:02}", "a")
    first = site.page("/prompts?folder=many/")
    assert ("p49" in first, "p50" in first) == (True, False)
    following = re.search(r'href="(\?[^"]*)" rel="next"', first)
    assert following is not None
    last = site.page(f"/prompts{following[1].replace('&amp;', '&')}")
    assert ("p49" in last, "p50" in last, "p52" in last) == (False, True, True)
    assert "rel=next" not in last


def test_one_with_its_versions_labels_and_history(site: Gateway) -> None:
    prompts = site.platform.prompts.prompts
    kept(prompts, "a/b", *(f"text {n}" for n in range(1, 26)), message=BAD)
    for version, label in ((3, "production"), (8, "production"), (9, "staging")):
        prompts.promote("default", "a/b", version, label, by=ADA, reason=f"to {version} {BAD}")
    page = site.page("/prompts/one?name=a/b")
    assert "Version 8 " in page
    assert "text 8" in page
    assert "Roll back to version 3" in page
    assert "to 9 &lt;script" in page
    assert 'value="25"' in page
    assert 'value="5" aria-label' not in page
    older = site.page("/prompts/one?name=a/b&version=2&before=6")
    site.page(f"/prompts/one?name=a/b&before={'9' * 30}")
    assert "text 2" in older
    assert 'value="5" aria-label' in older
    history = site.page("/prompts/history?name=a/b&label=production")
    assert (history.count("to 8 "), "to 9 " in history) == (1, False)
    for address in (
        "one?name=nope",
        "one?name=a/b&version=99",
        "one?name=a/b&version=-1",
        "history?name=a//b",
        "diff?name=x",
    ):
        assert "There is no" in site.page(f"/prompts/{address}", 404) or "has no version" in site.page(
            f"/prompts/{address}", 404
        )
    for address in ("one?name=a/b&version=x", "one", "diff?name=a/b&old=1.5"):
        site.page(f"/prompts/{address}", 400)


def test_two_versions_side_by_side(site: Gateway) -> None:
    prompts = site.platform.prompts.prompts
    many = "\n".join(f"line {n}" for n in range(40))
    tools = [{"type": "function", "function": {"name": "find"}}]
    old = {"template": f"Be brief.\n{many}", "variables": {}, "model": "fast"}
    new = {"template": [{"role": "system", "content": f"Be very brief.\n{many}\n{BAD}"}], "tools": tools,
           "params": {"temperature": 0.5}}  # fmt: skip
    for content in (old, new):
        prompts.create("default", "p", content_of(content), by=ADA)
    page = site.page("/prompts/diff?name=p")
    assert "<mark> very</mark>" in page
    assert "lines alike" in page
    assert "find.function.name" in page
    assert "temperature" in page
    assert "<script>document" not in page
    assert "\u202e" not in page
    whole = site.page("/prompts/diff?name=p&old=2&new=1&whole=yes")
    assert "lines alike" not in whole
    assert "line 20" in whole
    assert "The template is the same" in site.page("/prompts/diff?name=p&old=1&new=1")
    kept(prompts, "long", *("\n".join(f"{n} {word}" for n in range(1600)) for word in ("a", "b")))
    assert "More lines differ than a page shows" in site.page("/prompts/diff?name=long")


def test_viewers_look_and_annotators_see_nothing_of_it(site: Gateway) -> None:
    kept(site.platform.prompts.prompts, "p", "text")
    site.act_as("viewer")
    page = site.page("/prompts/one?name=p")
    assert "text" in page
    for word in ("Promote", "Roll back", "Playground", "New version", "Change"):
        assert word not in page
    for address in ("edit", "edit?name=p", "play?name=p", "move?name=p&version=1"):
        site.page(f"/prompts/{address}", 403)
    forms = "edit play?name=p play/run?name=p play/case?name=p move?name=p&version=1 rollback?name=p decide?name=p"
    for address in forms.split():
        assert site.client.post(f"/console/prompts/{address}", data={"token": "x"}).status_code == 403
    site.act_as("annotator")
    assert site.client.get("/console/prompts").headers["location"] == "/console/reviews"
    assert "Prompts" not in site.page("/reviews")


def test_usage_of_each_version(site: Gateway) -> None:
    kept(site.platform.prompts.prompts, "p", "one", "two")
    assert "No calls in this time" in site.page("/prompts/usage?name=p")
    for number in (1, 2, 2):
        about: dict[str, Any] = {"prompt_reference": "p", "prompt_label": "production"}
        span = Span(
            id=new_id(), trace_id=new_id(), project_id="default", name="chat", kind="llm", start_us=now_us() - 1000,
            end_us=now_us(), prompt=f"p@{number}", attributes=about, usage=Usage(10, 5), cost_nano=None,
        )  # fmt: skip
        site.platform.recorder.record(span)
    site.platform.drainer.flush()
    page = site.page("/prompts/usage?name=p&period=24h")
    assert "/console/traces?prompt=p%402" in page
    assert '<span class="k s0">version 2</span>' in page
    assert "unknown" in page
    site.page("/prompts/usage?name=p&period=century", 400)
    site.page("/prompts/usage?name=none", 404)


def test_what_is_known_of_a_version_and_of_a_label(site: Gateway) -> None:
    rooms = site.platform.prompts
    kept(rooms.prompts, "p", "one", "two")
    move = rooms.prompts.promote("default", "p", 2, by=ADA)
    assert isinstance(move, Move)
    body = {"reasons": [f"quality fell {BAD}"], "notes": ["12 cases"]}
    verdict = KeptVerdict(
        id=new_id(), prompt="p", version=2, label="production", against=1, rule="r", dataset_id=None,
        dataset_version=None, run_id="run-2", baseline_run_id="run-1", passed=False, actor="ada", made_us=now_us(),
        body=body,
    )  # fmt: skip
    rooms.gate.verdicts.put("default", verdict)
    says = {"says": f"p@2 does worse than @1 {BAD}", "figures": []}
    rooms.watch.watches.put(Watched("default", "p", "production", move.id, None, True, now_us(), says))
    page = site.page("/prompts/one?name=p")
    assert "did not pass" in page
    assert "quality fell &lt;script" in page
    assert "/console/evals/compare?run=run-1&amp;run=run-2" in page
    assert "p@2 does worse than @1 &lt;script" in page
    assert "It went back by itself." in page
    assert "did not pass" not in site.page("/prompts/one?name=p&version=1")
    rooms.prompts.promote("default", "p", 1, by=ADA)
    assert "does worse" not in site.page("/prompts/one?name=p")  # that was about the version before


def test_a_trace_leads_to_the_version_and_the_experiment(site: Gateway) -> None:
    about = {"prompt_reference": "a/b", "experiment": "e1", "arm": "new"}
    span = Span(
        id=new_id(), trace_id=new_id(), project_id="default", name="chat", kind="llm", start_us=now_us(),
        end_us=now_us(), prompt="a/b@3", attributes=dict(about),
    )  # fmt: skip
    site.platform.recorder.record(span)
    site.platform.drainer.flush()
    page = site.page(f"/traces/{span.trace_id}")
    assert 'href="/console/prompts/one?name=a/b&amp;version=3"' in page
    assert 'href="/console/experiments/e1">arm <bdi>new</bdi>' in page
