from typing import Any

import pytest

from pilothouse.errors import ConfigError
from pilothouse.evals.rules.links import Links, links_in


def test_links_of_markdown_and_bare_ones() -> None:
    text = (
        "See [the guide](https://docs.example.com/a_(b)) or <https://example.com/x>, (http://a.org/p?q=1). "
        "![image](/logo.png 'Logo') and [mail](mailto:a@b.org)."
    )
    assert sorted(links_in(text)) == [
        "/logo.png", "http://a.org/p?q=1", "https://docs.example.com/a_(b)", "https://example.com/x", "mailto:a@b.org",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("link", "fault"),
    [
        ("https://docs.example.com/a", None),
        ("https://EXAMPLE.com", None),
        ("http://127.0.0.1:8080/x", "not allowed"),
        ("https://evil-example.com", "not allowed"),
        ("https://example.com@evil.org/", "user name"),
        ("https://-bad-.com", "no well-formed host"),
        ("https://nodots/", "no well-formed host"),
        ("https://example.com:99999999/", "not well-formed"),
        ("https://[::1", "not well-formed|no well-formed host"),
        ("javascript:alert", "the scheme 'javascript'"),
        ("guide.md", "not absolute"),
        ("", "leads nowhere"),
        ("mailto:nobody", "no address"),
    ],
)
def test_faults(judge: Any, link: str, fault: str | None) -> None:
    verdict = judge(Links(hosts=("example.com",)), f"[link]({link})")
    assert verdict.passed is (fault is None)
    if fault is not None:
        assert any(part in verdict.explanation for part in fault.split("|"))


def test_the_score_is_the_share_of_good_links(judge: Any) -> None:
    verdict = judge(Links(), "https://a.org https://b.org https://.. https://a.org")
    assert (verdict.score, verdict.passed, verdict.detail["links"]) == (pytest.approx(2 / 3), False, 3)


def test_no_link_at_all(judge: Any) -> None:
    assert judge(Links(), "text").passed
    assert not judge(Links(required=True), "text").passed
    assert judge(Links(relative=True), "[a](#top) [b](guide.md)").passed


def test_hosts_are_names() -> None:
    with pytest.raises(ConfigError, match=r"'https://a.org' is no host name"):
        Links(hosts=("https://a.org",))
