import numpy as np
import pytest

from pilothouse.guards.text.letters import OTHER, SIGNS, Letters, codes_of


def test_characters_have_codes_one_for_one() -> None:
    text = "aZé7\r\t€\ud800字"
    assert [SIGNS[code] if code != OTHER else None for code in codes_of(text)] == [
        "a",
        "z",
        "e",
        "0",
        "\n",
        " ",
        None,
        "?",
        None,
    ]
    assert len(codes_of("")) == 0


def test_chances_sum_to_one_and_what_was_read_is_expected() -> None:
    model = Letters.trained(codes_of("the other mother " * 50), {})
    after = np.array([model.surprise(np.array([*codes_of("th"), code]))[2] for code in range(OTHER + 1)])
    assert np.exp2(-after).sum() == pytest.approx(1, abs=0.1)  # each is rounded to a sixteenth of a bit
    assert SIGNS[int(after.argmin())] == "e"


def test_the_shipped_model_knows_words_from_noise() -> None:
    model = Letters.shipped()
    assert model.surprise(codes_of("What does the user of the library need?")).mean() < 4
    assert model.surprise(codes_of("xq}vz#kw;pf)jd~zzq")).mean() > 8
    assert "PSF" in model.card["licences"]
