from pilothouse.lifecycle.sentinel.course import Change, Difference, Example
from pilothouse.lifecycle.sentinel.telling import noticed, sentence, when
from pilothouse.monitoring import AlertsConfig

CONFIG = AlertsConfig.model_validate({"channels": {"ops": {"kind": "slack", "url": "https://hooks.example.com"}}})
CHANGE = Change(
    since_us=1_700_000_000_000_000, found_us=1_700_000_100_000_000, evidence=1500.0,
    differences=[
        Difference(figure="agreement", before=0.1, since=0.8, evidence=900.0),
        Difference(figure="length", before=0.0, since=0.693, evidence=20.0),
        Difference(figure="evaluator good", before=0.01, since=0.3, evidence=9.0),
        Difference(figure="latency", before=0.0, since=1.0, evidence=0.0),
    ],
    fingerprints=[["fp1"], ["fp2"]],
)  # fmt: skip
EXAMPLES = [Example(prompt="tower", before="97 m.", now="x" * 500), Example(prompt="who", before="Ada", now="Eve")]


def test_an_alert_says_who_since_when_and_what_differs() -> None:
    told = noticed("pool/a", CHANGE, 40, CONFIG, 1000.0, EXAMPLES, texts=True)
    assert (told.rule, told.subject, told.value, told.expected, told.samples) == (
        "sentinel",
        "pool/a",
        1500.0,
        1000.0,
        40,
    )
    assert told.channels == ["ops"]
    assert told.text.startswith("pool/a answers otherwise since 2023-11-14 22:13 (UTC). What differs: ")
    assert "'who': before \N{LEFT DOUBLE QUOTATION MARK}Ada\N{RIGHT DOUBLE QUOTATION MARK}" in told.text
    assert len(told.text) < 800


def test_what_people_asked_is_not_sent_around() -> None:
    told = noticed("pool/a", CHANGE, 40, CONFIG, 1000.0, EXAMPLES, texts=False).text
    assert "Answered otherwise, among others: tower, who." in told
    assert "Ada" not in told


def test_what_differs_in_words() -> None:
    assert sentence(CHANGE) == (
        "What differs: answers that say something else 80% (before 10%); length of answers off by a factor of 2.00 "
        "(before 1.00); score good off by 0.300 (before 0.010); system_fingerprint fp2."
    )
    renamed = Change(since_us=0, found_us=0, evidence=0.0, models=[["a-1"], ["a-2"]])
    assert sentence(renamed) == "What differs: the model that answers is a-2, not a-1."
    assert sentence(Change(since_us=0, found_us=0, evidence=0.0)) == "No single figure stands out."
    assert when(0) == "1970-01-01 00:00"
