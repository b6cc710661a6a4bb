"""The dashboard of topics: what it shows is what is kept, and each topic leads to its traces."""

import html
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pilothouse.ids import now_us

from ...observe.asking import ask
from ..site import Gateway, gateway


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Gateway]:
    with gateway(tmp_path, "{}") as site:
        yield site


def test_the_map_and_the_list_lead_to_the_traces(site: Gateway) -> None:
    ask(site.platform.store, site.platform.recorder, site.platform.drainer, now_us())
    page = site.page("/dashboards/topics?period=7d")
    assert len(re.findall(r"<a[^>]*><circle", page)) == 40
    assert "<script>alert" not in page
    assert "\u202e" not in re.sub(r'="[^"]*"', "", page)
    rows = re.findall(r"<tr>(.*?)</tr>", page.split("<h2>Topics</h2>")[1].split("<tbody>")[1].split("</tbody>")[0])
    cells = [[re.sub("<[^>]*>", "", cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", row)] for row in rows]
    assert [row[2:4] for row in cells] == [["30", "75 %"], ["10", "25 %"]]
    assert (cells[0][0], cells[0][-1]) == ("refund, gift card", "Refund, please")
    (behind,) = (html.unescape(link) for link in re.findall(r'href="(/console/traces\?topic=refund[^"]*)" title', page))
    found = site.client.get(behind)
    assert "<b>30</b> trace" in found.text
    assert "refund, gift card" in found.text  # the filter is told by its name
    dot = html.unescape(re.findall(r'<g class="dots s0">.*?href="([^"]*)"', page)[0])
    assert site.client.get(dot).status_code == 200


def test_narrowed_it_says_that_it_is_not(site: Gateway) -> None:
    ask(site.platform.store, site.platform.recorder, site.platform.drainer, now_us())
    assert "Topics are those of all requests." in site.page("/dashboards/topics?model=gpt-4o&against=none")
    assert "Nothing in this time." in site.page("/dashboards/topics?since=2026-01-01&until=2026-01-02")


def test_without_topics_it_says_why(site: Gateway) -> None:
    site.act_as("viewer")
    assert "Topics were not found yet" in site.page("/dashboards/topics")
