import json

from pilothouse.observe.items import item_of, line_of
from pilothouse.observe.scores import Score

from .making import full_span


def test_an_item_is_a_line_of_what_went_in_and_came_out() -> None:
    span = full_span(id="s", trace_id="t", prompt="tone@2")
    scores = [
        Score(id="1", name="tone", value=0.5, comment="so so"),
        Score(id="2", name="language", kind="categorical", label="English", source="sdk"),
    ]
    line = line_of(item_of(span, scores))
    assert line.count(b"\n") == 1
    item = json.loads(line)
    assert item["id"] == "t/s"
    assert (item["input"], item["output"]) == (span.input, span.output)
    assert item["scores"] == [
        {"name": "tone", "value": 0.5, "source": "api", "comment": "so so"},
        {"name": "language", "value": "English", "source": "sdk"},
    ]
    assert item["metadata"]["prompt"] == "tone@2"


def test_an_item_names_nobody() -> None:
    text = line_of(item_of(full_span(user_id="somebody", session_id="a-session"))).decode()
    assert "somebody" not in text
    assert "a-session" not in text
