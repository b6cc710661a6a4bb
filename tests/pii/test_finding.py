"""Personal data by their form: what is found, what is left alone, and that no text takes long."""

import pytest

from pilothouse.pii.finding import finder, redactor
from pilothouse.pii.kinds import DEFAULT

REDACT = redactor(DEFAULT)
FOUND = [
    ("write to ada.lovelace+x@mail.example.co.uk, please", "write to [email], please"),
    ("<ünal@münchen.de>", "<[email]>"),
    ("card 4111 1111 1111 1111, valid 12/29", "card [credit_card], valid 12/29"),
    ("amex 378282246310005", "amex [credit_card]"),
    ("to DE89 3704 0044 0532 0130 00 by Monday", "to [iban] by Monday"),
    ("GB82WEST12345698765432.", "[iban]."),
    ("from 192.168.10.12:8080", "from [ip]:8080"),
    ("at 2001:db8::ff00:42:8329 and ::ffff:10.0.0.1", "at [ip] and [ip]"),
    ("call +49 (0)30 901820 or +1-212-555-0123 x12", "call [phone] or [phone]"),
    ("call (212) 555-0123, 030/901820", "call [phone], [phone]"),
    ("ruf an: 0171 1234567 (abends, Grüße)", "ruf an: [phone] (abends, Grüße)"),
    ("key sk-proj-abcDEF123456_7890abcd and AKIAIOSFODNN7EXAMPLE", "key [secret] and [secret]"),
    ("Authorization: Bearer abcdefghijklmnop.qrst", "Authorization: Bearer [secret]"),
    ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N", "[secret]"),
    ('{\\"password\\": \\"hunter2!\\", "api_key":"abc123"}', '{\\"password\\": \\"[secret]\\", "api_key":"[secret]"}'),
    ("DB_PASSWORD=hunter2! ADMIN_TOKEN: xyz-123-abc", "DB_PASSWORD=[secret] ADMIN_TOKEN: [secret]"),
    ("postgresql://ada:hunter2@db.example/x", "postgresql://[secret]@db.example/x"),
    ("-----BEGIN RSA PRIVATE KEY-----\nMIIB\nAQ==\n-----END RSA PRIVATE KEY-----", "[secret]"),
    ("at 00:1A:2b:3c:4D:5e and 3c-22-fb-01-02-ff", "at [mac] and [mac]"),
    ("pay 1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2 now", "pay [crypto_address] now"),
    ("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "[crypto_address]"),
    ("to 0x52908400098527886E0F7030069857D2E4169EE7.", "to [crypto_address]."),
    ("social 078-05-1120, SSN 078051120", "social [us_ssn], SSN [us_ssn]"),
    ("NINO AB 12 34 56 C, NHS number 943 476 5919", "NINO [uk_nino], NHS number [uk_nhs]"),
    ("DNI 12345678Z, NIE X-1234567-L", "DNI [es_nif], NIE [es_nif]"),
    ("Steuer-ID 86 095 742 719", "Steuer-ID [de_tax_id]"),
    ("1 85 05 78 006 084 91 and 185057800608491", "[fr_nir] and [fr_nir]"),
    ("CF RSSMRA85T10A562S", "CF [it_fiscal_code]"),
    ("BSN 111222333, PESEL 44051401359", "BSN [nl_bsn], PESEL [pl_pesel]"),
    ("811218-9876, CPF 529.982.247-25", "[se_personnummer], CPF [br_cpf]"),
    ("Aadhaar 2341 2341 2346, SIN 046 454 286", "Aadhaar [in_aadhaar], SIN [ca_sin]"),
    ("TFN 123 456 782, id 11010519491231002X", "TFN [au_tfn], id [cn_resident_id]"),
    ("passport number X1234567 AND MORE", "passport number [passport] AND MORE"),
    ("Her driving licence is MORGA657054SM9IJ.", "Her driving licence is [driver_license]."),
    ("licence plate AB12 CDE, Kennzeichen B-MW 1234", "licence plate [license_plate], Kennzeichen [license_plate]"),
    ("born on 12 March 1985, DOB: 1985-03-12", "born on [date_of_birth], DOB: [date_of_birth]"),
    ("call me at 699 956 915", "call me at [phone]"),
    ("call 12 555-123-4567 4111 1111 1111 1111", "call 12 [phone] [credit_card]"),
    ("my password is hunter22 and yours is secret", "my password is [secret] and yours is secret"),
    ("Authorization: Basic YWRhOmh1bnRlcjI=", "Authorization: Basic [secret]"),
]
LEFT = [
    "there were 699 956 915 of them; 178-00-1120 and 666-05-1120 are no numbers of anyone, 111222333 may be",
    "the plate was hot, the passport was new; on 12 March 1985 it snowed",
    "sk-learn, pk-lists and a basic understanding of tokens; the password is wrong",
    "In 2026 it was 5.2 billion, up 4 percent [1]; 1 200 000 before.",
    "at 12:30:45 on 2026-11-27 10:15, std::vector, a::b, version 1.2.3",
    "4111 1111 1111 1112 has a wrong check digit, GB82WEST12345698765431 too",
    "trace 0af7651916cd43dd8448eb211c80319c, call_9xKq2LmN, 1732734000123456",
    "the token budget: 4096 tokens, max_tokens: 512",
    "https://example.com/a@b and @ada, 50@100",
    "999.999.999.999 and 1.2.3.4.5 are no addresses",
]


@pytest.mark.parametrize(("text", "redacted"), FOUND)
def test_what_is_found(text: str, redacted: str) -> None:
    assert REDACT(text) == redacted


@pytest.mark.parametrize("text", LEFT)
def test_what_is_left_alone(text: str) -> None:
    assert REDACT(text) == text


def test_only_what_is_asked_for() -> None:
    text = "ada@example.com, 192.168.10.12"
    assert redactor(["email"])(text) == "[email], 192.168.10.12"
    assert redactor(["ip"])(text) == "ada@example.com, [ip]"
    assert redactor([])(text) == text


FIND = finder(DEFAULT)


@pytest.mark.parametrize(("text", "redacted"), FOUND)
def test_places_are_those_that_are_redacted(text: str, redacted: str) -> None:
    for kind, start, end in reversed(FIND(text)):
        text = f"{text[:start]}[{kind}]{text[end:]}"
    assert text == redacted


@pytest.mark.parametrize("text", LEFT)
def test_nothing_is_found_where_nothing_is_redacted(text: str) -> None:
    assert FIND(text) == []


def test_what_lies_in_another_is_not_found_twice() -> None:
    (found,) = FIND("postgresql://ada:sk-abcdefgh12345678@db.example/x")
    assert found.kind == "secret"
    assert [one.kind for one in FIND("api_key=sk-abcdefgh12345678, ada@example.com")] == ["secret", "email"]


def test_pictures_are_not_searched() -> None:
    picture = "data:image/png;base64," + "4111111111111111" * 1000
    assert REDACT(picture) == picture
    assert FIND(picture) == []
    assert "[credit_card]" in REDACT(f"{picture} 4111111111111111")


@pytest.mark.parametrize(
    "unit", ["a", "1", "1 ", "1-", "(1)", "+1", "0", "a@", "a.", "@a.", ":", "a:", "1.", "eyJa.", "password:", "://a:",
             "sk-", "Bearer ", "-----BEGIN PRIVATE KEY-----", "DE89 ", "A1", "ä", "ä1 ", "11 ", "tel 1 ", "plate A1 A ",
             "4111 1111 1111 1111 ", "123456789 SIN ", "a@a-"],
)  # fmt: skip
def test_long_texts_come_to_an_end(unit: str) -> None:
    """A pattern that tried every split of them would take hours."""
    for text in (unit * (200_000 // len(unit)), f"{unit * (200_000 // len(unit))} !"):
        assert REDACT(text)
