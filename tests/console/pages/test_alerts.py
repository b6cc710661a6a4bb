"""The page of alerts."""

import re

from pilothouse.alerts.book import Noticed
from pilothouse.ids import now_us

from ..site import HOSTILE, Gateway

_TEXT = "31 of 100 failed."


def _noticed(subject: str = "") -> Noticed:
    return Noticed("errors", subject, "critical", _TEXT, "/console/traces?status=error", 0.31, 0.05, 100, ["ops"])


def test_open_and_past_alerts_lead_to_their_traces(site: Gateway) -> None:
    assert "Nothing is open" in site.page("/alerts")
    book = site.platform.alerts.book
    made = book.open("default", _noticed())
    assert made is not None
    page = site.page("/alerts")
    assert _TEXT in page
    assert 'href="/console/traces?status=error"' in page
    assert "ops: waiting" in page
    book.clear("default", made.id, "It is over.")
    page = site.page("/alerts")
    assert "Nothing is open" in page
    assert _TEXT in page.split('aria-label="Past alerts"')[1]


def test_the_rules_are_told_with_their_limits(site: Gateway) -> None:
    table = site.page("/alerts").split("The rules that are watched")[1].split("</table>")[0]
    rows = {cells[0]: cells[4:] for row in table.split("<tr>")[2:] if (cells := re.findall("<td[^>]*>(.*?)</td>", row))}
    assert rows["<bdi>latency</bdi>"] == ["30 s", "24 s", "2 h", "50"]
    assert rows["<bdi>errors</bdi>"] == ["5 %", "3 %", "2 h", "50"]
    assert [rows[f"<bdi>{name}</bdi>"][0] for name in ("spend", "score", "odd-traffic")] == ["+20 %", "−10 %", "5"]
    assert rows["<bdi>input-drift</bdi>"] == ["0.06", "0.03", "a day", "100"]


def test_a_message_that_failed_is_seen(site: Gateway) -> None:
    alerts = site.platform.alerts
    alerts.book.open("default", _noticed())
    (delivery,) = alerts.outbox.due()
    alerts.outbox.missed(delivery, "hooks.example.com answered 404.", final=True)
    assert "hooks.example.com answered 404." in site.page("/alerts")


def test_silencing_and_ending_it(site: Gateway) -> None:
    site.platform.alerts.book.open("default", _noticed("gpt"))
    answer = site.send("/alerts/silences", "/alerts", rule="errors", subject="gpt", hours="4")
    assert answer.headers["location"] == "/console/alerts?done=silenced"
    (silence,) = site.platform.alerts.silences.list()
    assert (silence.rule, silence.subject) == ("errors", "gpt")
    assert abs(silence.until_us - now_us() - 4 * 3_600_000_000) < 60_000_000
    assert "errors" in site.page("/alerts").split("Silences")[1]
    site.send("/alerts/silences/end", "/alerts", id=silence.id)
    assert site.platform.alerts.silences.list() == []
    assert site.send("/alerts/silences", "/alerts", hours="1000").status_code == 400


def test_who_may_only_look_silences_nothing(site: Gateway) -> None:
    site.platform.alerts.book.open("default", _noticed())
    site.act_as("viewer")
    page = site.page("/alerts")
    assert _TEXT in page
    assert "<button>Silence" not in page


def test_text_from_outside_does_no_harm(site: Gateway) -> None:
    site.platform.alerts.book.open("default", _noticed(HOSTILE.replace("\0", "")))
    page = site.page("/alerts")
    assert "<script>document" not in page
    assert "<img src=x" not in page
    assert "⟨U+202E⟩" in page


def test_pages_of_past_alerts(site: Gateway) -> None:
    book = site.platform.alerts.book
    for number in range(55):
        made = book.open("default", _noticed(f"m{number:02}"))
        assert made is not None
        book.clear("default", made.id, "It is over.")
    page = site.page("/alerts")
    assert len(re.findall(r"errors: m\d\d", page)) == 50
    older = re.search(r'rel="next" href="/console(/alerts\?before=\w+)"', page)
    assert older is not None
    assert len(re.findall(r"errors: m\d\d", site.page(older[1]))) == 5
