"""Check digits: of numbers that are published as examples, and of the same with one sign changed."""

from collections.abc import Callable

import pytest

from pilothouse.pii import checksums

EXAMPLES = [
    (checksums.luhn, "4111111111111111"), (checksums.mod_97, "GB82WEST12345698765432"),
    (checksums.verhoeff, "234123412346"),
    (checksums.nhs, "9434765919"), (checksums.bsn, "111222333"), (checksums.tfn, "123456782"),
    (checksums.cpf, "52998224725"),
    (checksums.pesel, "44051401359"), (checksums.nir, "185057800608491"), (checksums.de_tax, "86095742719"),
    (checksums.nif, "12345678Z"), (checksums.nif, "X1234567L"), (checksums.fiscal_code, "RSSMRA85T10A562S"),
    (checksums.cn_resident, "11010519491231002X"), (checksums.base58check, "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"),
    (checksums.bech32, "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"),
    (checksums.bech32, "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0"),
]  # fmt: skip


@pytest.mark.parametrize(("holds", "example"), EXAMPLES, ids=[f"{one.__name__}-{text}" for one, text in EXAMPLES])
def test_an_example_holds_and_with_a_digit_changed_does_not(holds: Callable[[str], bool], example: str) -> None:
    assert holds(example)
    for at, sign in enumerate(example):
        if sign.isdigit() and at > 3:
            assert not holds(f"{example[:at]}{(int(sign) + 1) % 10}{example[at + 1 :]}"), at


@pytest.mark.parametrize(
    "holds", [checksums.base58check, checksums.bech32, checksums.fiscal_code, checksums.cn_resident]
)
def test_what_is_nothing_raises_nothing(holds: Callable[[str], bool]) -> None:
    assert not any(map(holds, ("", "1", "0OIl", "bc1", "é" * 18, "A" * 16)))


def test_days_that_are_not_in_the_calendar() -> None:
    assert checksums.is_date(2024, 2, 29)
    assert not checksums.is_date(2023, 2, 29)
    assert not checksums.is_date(99, 1, 1)
