"""Which kinds of personal data and secrets can be found: the one list that configuration, evaluators and guards share.

Names of people and postal addresses have no form and are not among them.
"""

from collections.abc import Iterable

__all__ = ["DEFAULT", "GROUPS", "KINDS", "expanded"]

_NATIONAL = {
    "us_ssn": "social security numbers of the United States",
    "uk_nino": "national insurance numbers of the United Kingdom",
    "uk_nhs": "NHS numbers, beside a word that says so",
    "es_nif": "NIF and NIE of Spain",
    "de_tax_id": "tax identification numbers of Germany, beside a word that says so",
    "fr_nir": "social security numbers of France",
    "it_fiscal_code": "fiscal codes of Italy",
    "nl_bsn": "BSN of the Netherlands, beside a word that says so",
    "pl_pesel": "PESEL of Poland, beside a word that says so",
    "se_personnummer": "personal identity numbers of Sweden",
    "br_cpf": "CPF of Brazil",
    "in_aadhaar": "Aadhaar numbers of India",
    "ca_sin": "social insurance numbers of Canada, beside a word that says so",
    "au_tfn": "tax file numbers of Australia, beside a word that says so",
    "cn_resident_id": "resident identity numbers of China",
}

KINDS: dict[str, str] = {
    "secret": "API keys of vendors, bearer tokens, JSON Web Tokens, private keys, passwords in addresses and beside "
    "words such as 'password' or 'token'",
    "email": "addresses",
    "url": "addresses of pages on the web",
    "ip": "IPv4 and IPv6 addresses",
    "mac": "addresses of network cards",
    "iban": "account numbers whose length and check digits hold",
    "credit_card": "card numbers of known issuers whose check digit holds",
    "crypto_address": "addresses of Bitcoin and of chains like it, whose checksum holds, and of Ethereum",
    **_NATIONAL,
    "passport": "passport numbers, beside a word that says so",
    "driver_license": "numbers of driving licences, beside a word that says so",
    "license_plate": "number plates, beside a word that says so",
    "date_of_birth": "dates beside a word such as 'born'",
    "phone": "numbers with a country's code, a trunk zero, in groups as they are written, or beside a word such as "
    "'call'",
}
"""What each kind finds. Of two kinds that could claim the same characters the more certain one has them."""

GROUPS: dict[str, tuple[str, ...]] = {"national_id": tuple(_NATIONAL)}
"""Names that stand for several kinds."""

DEFAULT: tuple[str, ...] = tuple(kind for kind in KINDS if kind != "url")
"""What is looked for where nobody says otherwise: all but pages on the web, which seldom are anyone's."""


def expanded(names: Iterable[str]) -> tuple[str, ...]:
    """The kinds that these names stand for, each once, in the order of KINDS. Raises ValueError for a name that is
    neither a kind nor a group."""
    wanted = set[str]()
    for name in names:
        if name not in KINDS and name not in GROUPS:
            raise ValueError(f"no kind of personal data is called '{name[:40]}': use {', '.join((*KINDS, *GROUPS))}")
        wanted.update(GROUPS.get(name, (name,)))
    return tuple(kind for kind in KINDS if kind in wanted)
