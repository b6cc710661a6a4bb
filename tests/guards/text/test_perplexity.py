import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.errors import ConfigError
from pilothouse.guards.text.perplexity import Perplexity
from pilothouse.protocols import Subject

_NOISE = 'zqx}{;]#vkw jq~xx"(pf)= +gz%kd|wqp ^&*vx zzk!qj@ fbd_xw ?<>,rhl tq$ mw)xv[k}z q;j'


async def test_a_stretch_of_noise_is_found_where_it_is() -> None:
    text = f"Write a short poem about autumn in the mountains, please. {_NOISE}"
    result = await Perplexity().check(Subject(text, "input"))
    assert result.status == "triggered"
    (found,) = result.findings
    assert 20 < found.start < 80
    assert found.end == len(text)


@pytest.mark.parametrize(
    "text",
    [
        "What is the difference between a monad and a monoid in the category of endofunctors?",
        "Bitte erkläre mir den Unterschied zwischen einer Mehrwertsteuer und einer Verkaufssteuer.",
        "for (const [key, value] of Object.entries(map)) { if (!value) continue; out.push(`${key}=${value}`); }",
        "See https://example.com/a8f7e6d5c4b3a29180f7e6d5c4b3a29180?x=QzRhWnJ0Z2Zkc2F0cmV3cXp4 "
        "and tell me what it says about all of it."
        " Thanks.",
    ],
    ids=["English", "German", "code", "address"],
)
async def test_languages_code_and_addresses_pass(text: str) -> None:
    assert (await Perplexity().check(Subject(text, "input"))).status == "passed"


@given(st.text(max_size=150))
async def test_it_raises_for_no_text_and_says_where_it_did_not_look(text: str) -> None:
    result = await Perplexity().check(Subject(text, "input"))
    assert result.status == "skipped" or len(text) >= 40
    assert (await Perplexity().check(Subject("短い" * 50, "input"))).status == "skipped"


def test_bits_have_bounds() -> None:
    with pytest.raises(ConfigError, match="bits"):
        Perplexity(bits=0)
