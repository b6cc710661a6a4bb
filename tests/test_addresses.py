import pytest

from pilothouse.addresses import without_password


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://ann:secret@host:1/x broke off: https://ann:secret@host.", "http://host:1/x broke off: https://host."),
        ("ann:secret@host/x", "host/x"),
        ("http://ann:a//b/c@d@host", "http://host"),
        ("http://host/api/prompts/a%40b", "http://host/api/prompts/a%40b"),
    ],
)
def test_who_asks_is_not_shown(text: str, shown: str) -> None:
    assert without_password(text) == shown
