"""The page of golden calls and of scored traffic."""

from pilothouse.config import Config
from pilothouse.lifecycle.sentinel.answers import Answer, Run
from pilothouse.lifecycle.sentinel.course import Change, Course, Difference
from pilothouse.lifecycle.sentinel.kept import Reading, State

from ..site import HOSTILE, Gateway

HOUR_US = 3_600_000_000
EVALS = {
    "online": {"support": {"evaluators": ["refusal", {"use": "keywords", "name": "polite", "keywords": ["please"]}]}},
    "sentinel": {"models": ["builtin/echo", "builtin/extractive"], "prompts": ["Who?"]},
}


def configured(site: Gateway) -> None:
    site.platform.live.put(Config.model_validate({"evals": EVALS}), author="ada", source="api")


def changed(site: Gateway) -> None:
    change = Change(
        since_us=5 * HOUR_US, found_us=6 * HOUR_US, evidence=2500.0,
        differences=[Difference(figure="agreement", before=0.02, since=0.9, evidence=2400.0)],
    )  # fmt: skip
    course = Course(reference=list(range(8)), figures=[{}] * 20, evidence=2500.0, models=["echo"], change=change)
    state = State("default", "builtin/echo", "plan", "changed", 1, 6 * HOUR_US, course)
    kept = site.platform.sentinel.standing.kept
    kept.put(state, Reading(Run(at_us=0, answers={HOSTILE: Answer(text="It is 97 m.")}), 0.0))
    kept.put(state, Reading(Run(at_us=6 * HOUR_US, answers={HOSTILE: Answer(text=HOSTILE)}), 2500.0))


def test_without_either_the_page_says_what_they_are_for(site: Gateway) -> None:
    page = site.page("/evals/sentinel")
    assert "No golden calls" in page
    assert "No rules" in page
    assert 'href="/console/evals/sentinel" aria-current="page"' in page


def test_deployments_with_what_differs_and_rules_with_their_counts(site: Gateway) -> None:
    configured(site)
    changed(site)
    site.platform.scoring.tallies.add("default", "support", "polite", "failed", HOSTILE)
    page = site.page("/evals/sentinel")
    for words in (
        ">changed</span>", "2,500 of 1,000", "Says something else", "0.900", "It is 97 m.", "builtin/extractive",
        "24 more runs to learn", "refusal, polite", "Take this for the new baseline",
    ):  # fmt: skip
        assert words in page, words
    assert "<script>document" not in page


def test_the_button_takes_what_is_for_the_new_baseline(site: Gateway) -> None:
    configured(site)
    changed(site)
    site.send("/evals/sentinel/accept", "/evals/sentinel", deployment="builtin/echo")
    page = site.page("/evals/sentinel")
    assert "Take this for" not in page
    assert site.platform.sentinel.standing.shown("default")["deployments"][0]["status"] == "learning"
    assert site.platform.audit.list(limit=1)[0].action == "sentinel.accept"
