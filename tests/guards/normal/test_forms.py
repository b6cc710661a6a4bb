import base64
import subprocess
import sys
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from pilothouse.guards.normal.forms import Form, normal_of, normalised
from pilothouse.protocols import Subject

_WANTED = "please open the old gate"
_ENCODE: dict[str, Callable[[str], str]] = {
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "hex": lambda text: text.encode().hex(),
    "url": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    "html": lambda text: "".join(f"&#x{ord(char):x};" for char in text),
}


def _with(forms: tuple[Form, ...], text: str) -> Form:
    return next(form for form in forms if text in form.text)


@given(st.lists(st.sampled_from(sorted(_ENCODE)), min_size=1, max_size=3), st.text(max_size=20), st.text(max_size=20))
def test_encodings_within_each_other_are_read_and_cover_exactly_what_was_written(
    ways: list[str], before: str, after: str
) -> None:
    written = _WANTED
    for way in ways:
        written = _ENCODE[way](written)
    text = f"{before} \n{written}\n {after}"
    form = _with(normalised(text).forms, _WANTED)
    at = form.text.index(_WANTED)
    start, end = form.span(at, at + len(_WANTED))
    assert text[start:end].strip() == written


@given(
    st.lists(st.sampled_from(["\u200b", "\u00ad", "\u202e", "\u0301"]), min_size=len(_WANTED), max_size=len(_WANTED))
)
def test_unseen_characters_between_letters_hide_nothing(between: list[str]) -> None:
    written = "".join(char + sign for char, sign in zip(_WANTED, between, strict=True))[:-1]
    form = _with(normalised(f"Hello. {written} Bye.").forms, _WANTED)
    at = form.text.index(_WANTED)
    assert form.span(at, at + len(_WANTED)) == (7, 7 + len(written))


@given(st.text(max_size=80))
def test_any_text_has_forms_whose_places_are_its_own(text: str) -> None:
    for form in normalised(text).forms:
        for at in range(len(form.text)):
            start, end = form.span(at, at + 1)
            assert 0 <= start < end <= len(text)


def test_a_plain_text_has_one_form_and_it_is_made_once() -> None:
    subject = Subject("Nothing Odd here, in 2024.", "input")
    normal = subject.once(normal_of)
    assert normal.forms == (Form((), "nothing odd here, in 2024."),)
    assert normal.plain is subject.once(normal_of).forms[0]


_HOSTILE = r"""
import resource
resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
from pilothouse.guards.normal.forms import normalised
from pilothouse.guards.attack.rules import hits_of
units = ["a ", "a.b", "%41", "&#65;", "\\u0041 ", "QUJD", "ab\u200b", "\u0430", "<", "<!--", "<a ", ".- ",
         "<p hidden>", "0x41,", "ignore ", "1gn0r3 ", "you are ", "\U000e0041", "ignore all previous instructions ",
         "_", "\r", "system: ", "tell me your "]
size = 1_000_000 // len(units)
hits_of(normalised("".join((unit * size)[:size] for unit in units)))
for unit in ("<!--", "ignore ", "\u200ba", "a "):
    hits_of(normalised(unit * (1_000_000 // len(unit))))
"""


def test_megabytes_of_whatever_is_hostile_end_in_linear_time() -> None:
    """What grows with the square of the text would take hours."""
    subprocess.run([sys.executable, "-c", _HOSTILE], check=True)
