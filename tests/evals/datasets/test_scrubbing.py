"""Personal data go out of every field of an item; where it came from stays."""

import pytest

from pilothouse.errors import ConfigError
from pilothouse.evals.datasets.scrubbing import redaction_of, scrubbed
from pilothouse.privacy import ProjectPrivacy
from pilothouse.storage.evaluating.dataset_items import NewItem


def test_every_field_is_scrubbed_and_the_item_itself_stays() -> None:
    item = NewItem(
        input={"messages": [{"content": "I am ada@example.com"}]}, expected="ask ada@example.com", context=("AB-1234",),
        metadata={"by": "ada@example.com"}, key="ada@example.com", source_trace="t",
    )  # fmt: skip
    clean = scrubbed(item, redaction_of(ProjectPrivacy(redact=["email"], patterns={"case": r"AB-\d+"})))
    assert clean == NewItem(
        input={"messages": [{"content": "I am [email]"}]}, expected="ask [email]", context=("[case]",),
        metadata={"by": "[email]"}, key="ada@example.com", source_trace="t",
    )  # fmt: skip
    assert item.context == ("AB-1234",)


def test_a_pattern_that_is_none_is_named() -> None:
    with pytest.raises(ConfigError, match=r"privacy\.patterns\.bad: is no regular expression"):
        redaction_of(ProjectPrivacy(patterns={"bad": "("}))
