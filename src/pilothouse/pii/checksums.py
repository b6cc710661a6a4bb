"""Check digits and checksums, as plain functions over the characters that count. None raises for any text.

Sources: ISO/IEC 7812 (Luhn), ISO 7064 (mod 97-10, 11-2, 11-10), J. Verhoeff 1969, Base58Check (Bitcoin), BIP 173 and
350 (bech32, bech32m), and the issuers' own rules for national numbers.
"""

import hashlib
from collections.abc import Sequence
from datetime import date

__all__ = [
    "base58check", "bech32", "bsn", "cn_resident", "cpf", "de_tax", "fiscal_code", "is_date", "luhn", "mod_97", "nhs",
    "nif", "nir", "pesel", "tfn", "verhoeff",
]  # fmt: skip

_BASE58 = {sign: value for value, sign in enumerate("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz")}
_BECH32 = {sign: value for value, sign in enumerate("qpzry9x8gf2tvdw0s3jn54khce6mua7l")}
_LATER = tuple(sum(divmod(2 * digit, 10)) for digit in range(10))
_D5 = tuple(
    tuple(((a + b) % 5 + 5 * (b > 4)) if a < 5 else ((a - b) % 5 + 5 * (b < 5)) for b in range(10))
    for a in range(10)
)  # fmt: skip
"""Multiplication in the dihedral group of the pentagon."""
_TURNS: list[tuple[int, ...]] = [tuple(range(10))]
for _ in range(7):
    _TURNS.append(tuple(_TURNS[-1][at] for at in (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)))
_ODD = dict(zip("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", (
    1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22,
    25, 24, 23), strict=True))  # fmt: skip
"""What the characters at odd places of an Italian fiscal code count (D.M. 23/12/1976)."""


def luhn(digits: str) -> bool:
    """The last digit makes the doubled sum a multiple of ten; not of one digit repeated."""
    values = [*map(int, digits)]
    return (sum(values[-1::-2]) + sum(_LATER[one] for one in values[-2::-2])) % 10 == 0 and len({*values}) > 1


def mod_97(compact: str) -> bool:
    """An IBAN, letters in upper case: moved by four and read as a number it leaves 1."""
    return int("".join(str(int(sign, 36)) for sign in compact[4:] + compact[:4])) % 97 == 1


def verhoeff(digits: str) -> bool:
    """The check digit of Aadhaar."""
    check = 0
    for at, digit in enumerate(reversed(digits)):
        check = _D5[check][_TURNS[at % 8][int(digit)]]
    return check == 0


def _weighted(digits: str, weights: Sequence[int]) -> int:
    return sum(weight * int(digit) for weight, digit in zip(weights, digits, strict=False))


def nhs(digits: str) -> bool:
    """Ten digits, mod 11."""
    check = -_weighted(digits, range(10, 1, -1)) % 11
    return len(digits) == 10 and check == int(digits[9])


def bsn(digits: str) -> bool:
    """Nine digits: the 'eleven test' of the Netherlands."""
    return len(digits) == 9 and int(digits) > 0 and _weighted(digits, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0


def tfn(digits: str) -> bool:
    """Eight or nine digits, mod 11."""
    weights = (1, 4, 3, 7, 5, 8, 6, 9, 10) if len(digits) == 9 else (10, 7, 8, 4, 6, 3, 5, 1)
    return len(digits) in (8, 9) and int(digits) > 0 and _weighted(digits, weights) % 11 == 0


def cpf(digits: str) -> bool:
    """Eleven digits, the last two of which check; not of one digit repeated."""
    if len(digits) != 11 or len({*digits}) == 1:
        return False
    return all(_weighted(digits, range(n + 1, 1, -1)) * 10 % 11 % 10 == int(digits[n]) for n in (9, 10))


def pesel(digits: str) -> bool:
    """Eleven digits: a date whose month tells the century, and a check digit."""
    month = int(digits[2:4]) if len(digits) == 11 else 99
    century = {4: 18, 0: 19, 1: 20, 2: 21, 3: 22}.get(month // 20, 0)
    return (
        is_date(century * 100 + int(digits[:2]), month % 20, int(digits[4:6]))
        and -_weighted(digits, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3)) % 10 == int(digits[10])
    )  # fmt: skip


def nir(compact: str) -> bool:
    """Thirteen signs and a key of two digits, mod 97; 2A and 2B are Corsica."""
    body = compact[:13].replace("2A", "19").replace("2B", "18")
    if len(compact) != 15 or not (body.isdigit() and compact[13:].isdigit()):
        return False
    month = int(body[3:5])
    return (1 <= month <= 12 or 20 <= month <= 42 or month >= 50) and 97 - int(body) % 97 == int(compact[13:])


def de_tax(digits: str) -> bool:
    """Eleven digits, ISO 7064 mod 11-10; of the first ten one comes twice or three times, and others are missing."""
    if len(digits) != 11 or digits[0] == "0" or len({*digits[:10]}) not in (8, 9):
        return False
    product = 10
    for digit in digits[:10]:
        product = ((int(digit) + product - 1) % 10 + 1) * 2 % 11
    return (11 - product) % 10 == int(digits[10])


def nif(compact: str) -> bool:
    """Eight digits, or X, Y, Z and seven, and the letter that they leave mod 23."""
    number = compact[:-1].translate(str.maketrans("XYZ", "012"))
    return number.isdigit() and "TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23] == compact[-1]


def fiscal_code(compact: str) -> bool:
    """Sixteen characters, the last of which checks the others."""
    if len(compact) != 16 or not {*compact} <= _ODD.keys():
        return False
    total = sum(_ODD[sign] for sign in compact[:15:2])
    total += sum(int(sign) if sign.isdigit() else ord(sign) - 65 for sign in compact[1:15:2])
    return chr(65 + total % 26) == compact[15]


def cn_resident(compact: str) -> bool:
    """Seventeen digits with a date in them and a check sign, mod 11-2 (GB 11643)."""
    if len(compact) != 18 or not compact[:17].isdigit():
        return False
    if not is_date(int(compact[6:10]), int(compact[10:12]), int(compact[12:14])):
        return False
    return "10X98765432"[_weighted(compact, [2**power % 11 for power in range(17, 0, -1)]) % 11] == compact[17].upper()


def is_date(year: int, month: int, day: int) -> bool:
    """Whether there is such a day, of 1800 to 2100."""
    if not 1800 <= year <= 2100:
        return False
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def base58check(address: str) -> bool:
    """25 bytes, the last four of which are the begin of the others' double SHA-256."""
    number = 0
    for sign in address:
        value = _BASE58.get(sign)
        if value is None:
            return False
        number = number * 58 + value
    if number.bit_length() > 200:
        return False
    data = number.to_bytes(25, "big")
    return hashlib.sha256(hashlib.sha256(data[:21]).digest()).digest()[:4] == data[21:]


def bech32(address: str) -> bool:
    """A polynomial over all characters leaves 1, for bech32m 0x2bc830a3."""
    low = address.lower()
    if address not in (low, low.upper()):
        return False
    prefix, _, data = low.rpartition("1")
    if not prefix or len(data) < 6 or not {*data} <= _BECH32.keys():
        return False
    values = [ord(sign) >> 5 for sign in prefix] + [0] + [ord(sign) & 31 for sign in prefix]
    check = 1
    for value in [*values, *(_BECH32[sign] for sign in data)]:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for at, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= generator if top >> at & 1 else 0
    return check in (1, 0x2BC830A3)
