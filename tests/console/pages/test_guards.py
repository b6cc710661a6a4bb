"""The page of the guards: policies, rates, triggers and marks, and a text that is tried."""

from pilothouse.config import Config
from pilothouse.ids import now_us
from pilothouse.observe.triggers import Triggers

from ...observe.test_triggers import call, found
from ..site import HOSTILE, Gateway

GUARDS = {
    "policies": {
        "strict": {
            "input": [{"use": "words", "words": ["acme"], "action": "redact"}, {"use": "length", "at_most": 5}],
            "output": [{"use": "length", "at_most": 50, "action": "flag"}],
        }
    },
    "default": ["strict"],
}


def configured(site: Gateway) -> None:
    site.platform.live.put(Config.model_validate({"guards": GUARDS}), author="ada", source="api")


def written(site: Gateway, number: int = 2) -> None:
    now = now_us()
    for span in [call("a"), *(found("a", number=at) for at in range(number)), found("a", "injection", number=number)]:
        span.start_us, span.end_us = now + span.start_us % 1000, now + span.start_us % 1000 + 50
        if span.kind == "guard":
            span.attributes["guard_reason"] = HOSTILE
        site.platform.recorder.record(span)
    site.platform.drainer.flush()


def test_without_policies_the_page_says_where_they_are_written(site: Gateway) -> None:
    page = site.page("/guards")
    assert "No guard looks at anything" in page
    assert "Try a text" not in page


def test_policies_rates_and_triggers(site: Gateway) -> None:
    configured(site)
    written(site)
    page = site.page("/guards")
    for words in (
        'strict</bdi></b> <span class="pill">default', ">redact</span>", "0 characters", ">injection</bdi></a>",
        "<b>100.0 %</b>", "score 0.75", "standard@1", '<rect x="', ">email</span>",
    ):  # fmt: skip
        assert words in page, words
    assert "<script>document" not in page
    only = site.page("/guards?guard=injection")
    assert only.count('<li class="card">') == 1
    assert site.page("/guards").count('<li class="card">') == 3


def test_a_trigger_is_called_wrong_and_then_right(site: Gateway) -> None:
    written(site, 1)
    marked = {"trace": "a", "span": "a-pii-0"}
    answer = site.send("/guards/mark", "/guards", **marked, right="no")
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/guards?done=judged#triggers")
    assert '<span class="pill error">wrong</span>' in site.page("/guards")
    site.send("/guards/mark", "/guards", **marked, right="yes")
    assert [one.right for one in Triggers(site.platform.store).recent(guard="pii")] == [True]
    assert site.send("/guards/mark", "/guards", **marked, right="perhaps").status_code == 400
    assert site.send("/guards/mark", "/guards", trace="a", span="x", right="no").status_code == 404
    site.act_as("viewer")
    assert site.client.post("/console/guards/mark", data={**marked, "right": "no"}).status_code == 403
    assert ">Wrong</button>" not in site.page("/guards")


def test_a_text_is_tried(site: Gateway) -> None:
    configured(site)
    page = site.send("/guards/try", "/guards", policy="strict", stage="input", text="Ask acme").text
    for words in (">redact</span>", "Ask [blocked]", ">triggered</span>", ">passed</span>", "Ask acme</textarea>"):
        assert words in page, words
    assert "nothing to do" in site.send("/guards/try", "/guards", policy="strict", stage="output", text="Ask").text
    none = site.send("/guards/try", "/guards", policy="strict", stage="tool", text="Ask").text
    assert "No guard of this policy looks at this stage." in none
    for wrong in ({"policy": "x", "stage": "input"}, {"policy": "strict", "stage": "x"}):
        answer = site.send("/guards/try", "/guards", text="Ask acme", **wrong)
        assert answer.status_code == 400
        assert "That does not work." in answer.text
