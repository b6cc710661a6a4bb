"""The dashboards: their numbers are those of the spans, and each leads to the traces behind it."""

import html
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import insert

from pilothouse.console.units import MONEY, RATE, TIME
from pilothouse.ids import now_us
from pilothouse.observe.scores import Scores
from pilothouse.settings import Settings
from pilothouse.storage import writing
from pilothouse.storage.tables import drifts

from ...observe.making import drift_rows
from ...observe.seeded import Asked, naive, quantile, traffic, within
from ..site import Gateway, gateway

BOARDS = ("cost", "latency", "errors", "quality", "tokens", "usage")
HOUR_US = 3_600_000_000


@pytest.fixture
def empty(tmp_path: Path, settings: Settings) -> Iterator[Gateway]:
    with gateway(tmp_path, "{}", database_url=settings.database_url) as site:
        yield site


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """With the traffic of `asked`, which no test changes."""
    folder = tmp_path_factory.mktemp("site")
    with ExitStack() as stack:
        lent = request.getfixturevalue("_lent") if request.param == "postgres" else None
        url = None if lent is None else stack.enter_context(lent.one())
        yield stack.enter_context(gateway(folder, "{}", database_url=url))


@pytest.fixture(scope="module")
def asked(site: Gateway) -> list[Asked]:
    made = traffic(now_us(), 400)
    for one in made:
        for span in one.spans:
            site.platform.recorder.record(span)
    site.platform.drainer.flush()
    Scores(site.platform.store).put("default", [score for one in made for score in one.scores])
    return made


def _within(asked: list[Asked], hours: int, **only: str) -> list[Asked]:
    until = (now_us() // HOUR_US + 1) * HOUR_US
    return within(asked, until - hours * HOUR_US, until, **only)


def _tile(page: str, label: str) -> str:
    found = re.search(rf"<dt>{re.escape(label)}</dt><dd><b>([^<]*)</b>", page)
    assert found is not None, label
    return html.unescape(found[1])


def _rows(page: str, title: str) -> list[list[str]]:
    """The cells of the table in the panel of this title."""
    section = next(part for part in page.split("<section")[1:] if f"<h2>{title}</h2>" in part)
    rows = re.findall(r"<tr>(.*?)</tr>", section.split("<tbody>")[1], re.DOTALL)
    return [
        [html.unescape(re.sub("<[^>]*>", "", cell)) for cell in re.findall(r"<td[^>]*>(.*?)</td>", r)] for r in rows
    ]


def test_cost(site: Gateway, asked: list[Asked]) -> None:
    page, inside = site.page("/dashboards/cost"), _within(asked, 168)
    assert _tile(page, "Cost") == MONEY.whole(naive(inside)["cost_nano"])
    assert _tile(page, "Per query") == MONEY.whole(naive(inside)["cost_nano"] / len(inside))
    assert _tile(page, "Calls without a price") == str(naive(inside)["unpriced"])
    by_model = {row[0].removesuffix("only"): row[2] for row in _rows(page, "By model")}
    for model in {str(one.call.response_model) for one in inside}:
        cost = naive(_within(asked, 168, model=model))["cost_nano"]
        assert by_model[model.replace("\u202e", "⟨U+202E⟩")] == MONEY.whole(cost)
    twin = {row[0]: row[1] for row in _rows(page, "Cost per query") if row[1]}
    hours: dict[str, list[Asked]] = {}
    for one in inside:
        at = datetime.fromtimestamp(one.root.start_us // HOUR_US * 3600, UTC)
        hours.setdefault(f"{at:%a %d %b %Y, %H:00}", []).append(one)
    assert twin == {hour: MONEY.whole(naive(of)["cost_nano"] / len(of)) for hour, of in hours.items()}


@pytest.mark.parametrize("by", ["feature", "team", "user", "key"])
def test_cost_by(site: Gateway, asked: list[Asked], by: str) -> None:
    page = site.page(f"/dashboards/cost?by={by}&period=30d" if by == "user" else f"/dashboards/cost?by={by}")
    rows = _rows(page, f"By {by}")
    names = {"feature": "feature", "team": "team_id", "user": "user_id", "key": "key_id"}
    inside = asked if by == "user" else _within(asked, 168)
    sums: Counter[str] = Counter()
    for one in inside:
        value = getattr(one.root, names[by])
        if value is not None:
            sums[value] += one.call.cost_nano or 0
    expected = [(value, MONEY.whole(cost)) for value, cost in sums.most_common(12)]
    assert [(row[0].removesuffix("only"), row[2]) for row in rows] == expected


def test_latency(site: Gateway, asked: list[Asked]) -> None:
    page, inside = site.page("/dashboards/latency"), _within(asked, 168)
    p95 = quantile((one.root.duration_us for one in inside), 0.95)
    told = _tile(page, "P95 of requests")
    assert told in {TIME.whole(us) for us in range(int(p95 * 0.9), int(p95 * 1.1), 5_000)}
    spread = _rows(page, "How it spreads, of requests")
    assert sum(int(row[1].replace(",", "")) for row in spread) == len(inside)
    assert _tile(page, "Requests a minute") == RATE.whole(len(inside) / (168 * 60))
    requests = {row[0].removesuffix("only"): row[5] for row in _rows(page, "By endpoint, slowest P95 first")}
    assert requests == {e: f"{n:,}" for e, n in Counter(str(one.root.endpoint) for one in inside).items()}


def test_errors(site: Gateway, asked: list[Asked]) -> None:
    page, inside = site.page("/dashboards/errors"), _within(asked, 168)
    codes = Counter(one.root.error_code for one in inside if one.root.error_code)
    assert _tile(page, "Failed requests") == f"{codes.total():,}"
    assert _tile(page, "Timeouts") == str(codes["provider_timeout"])
    assert _tile(page, "Rate limits") == str(codes["rate_limit_exceeded"] + codes["limit_exceeded"])
    assert _tile(page, "Malformed outputs") == str(codes["provider_protocol_error"])
    assert _tile(page, "Guard triggers") == str(codes["content_filter"])
    assert {row[0].removesuffix("only"): row[2] for row in _rows(page, "By code")} == {
        code: str(number) for code, number in codes.items()
    }


def test_quality(site: Gateway, asked: list[Asked]) -> None:
    page = site.page("/dashboards/quality?below=0.7&period=30d&against=none")
    scores = [score for one in asked for score in one.scores]
    values = [float(score.value or 0) for score in scores if score.name == "faithfulness"]
    thumbs = [score.value for score in scores if score.name == "feedback"]
    assert _tile(page, "Thumbs up") == f"{thumbs.count(1.0) / len(thumbs) * 100:.0f} %"
    assert _tile(page, "faithfulness") == f"{sum(values) / len(values):.3f}"
    row = next(row for row in _rows(page, "Below 0.7") if row[0] == "faithfulness")
    share = sum(value < 0.7 for value in values) / len(values)
    assert row[1] == f"{share * 100:.0f} %"
    low, high = (float(bound.removesuffix(" %")) for bound in row[2].split(" to "))
    assert low < share * 100 < high
    assert row[3] == f"{len(values):,}"
    (link,) = re.findall(r'href="([^"]*score=faithfulness&amp;score_most[^"]*)"', page)
    low_ones = {s.trace_id for s in scores if s.name == "faithfulness" and (s.value or 0) < 0.7}
    assert f"<b>{min(50, len(low_ones))}</b> trace" in site.client.get(html.unescape(link)).text


def test_tokens_and_usage(site: Gateway, asked: list[Asked]) -> None:
    inside = _within(asked, 168)
    page, expected = site.page("/dashboards/tokens"), naive(inside)
    assert _tile(page, "Input tokens") == f"{expected['input_tokens']:,}"
    assert _tile(page, "Output tokens") == f"{expected['output_tokens']:,}"
    page = site.page("/dashboards/usage")
    assert _tile(page, "Requests") == f"{len(inside):,}"
    peaks = sum(int(row[1]) for row in _rows(page, "Peak hours"))
    assert peaks == len(inside)
    day = 24 * HOUR_US
    first = ((now_us() // HOUR_US + 1) * HOUR_US - 7 * day) // day * day
    users = {one.root.user_id for one in within(asked, first, now_us() + 1)} - {None}
    assert _tile(page, "Users") == str(len(users))


def test_every_point_and_bar_leads_to_its_traces(site: Gateway, asked: list[Asked]) -> None:
    page = site.page("/dashboards/cost")
    hours = Counter(one.root.start_us // HOUR_US for one in _within(asked, 168))
    links = [html.unescape(link) for link in re.findall(r'<a class="at" href="([^"]*)"', page)]
    assert len(links) == 2 * 168
    busiest, number = hours.most_common(1)[0]
    link = next(link for link in links if f"since_us={busiest * HOUR_US}&" in link)
    listed = site.client.get(link)
    assert listed.status_code == 200
    assert f"<b>{number}</b> trace" in listed.text
    by_feature = re.findall(r'href="(/console/traces[^"]*feature=search[^"]*)"', page)[0]
    found = site.client.get(html.unescape(by_feature)).text
    assert f"<b>{min(50, len(_within(asked, 168, feature='search')))}</b> trace" in found
    by_prompt = re.findall(r'href="(/console/traces[^"]*prompt=[^"]*)"', site.page("/dashboards/tokens"))[0]
    prompt = parse_qs(urlsplit(html.unescape(by_prompt)).query)["prompt"][0]
    found = site.client.get(html.unescape(by_prompt)).text
    assert f"<b>{min(50, len(_within(asked, 168, prompt=prompt)))}</b> trace" in found


QUERIES = (
    "", "?period=24h", "?period=90d&against=none", "?since=2026-01-01&until=2026-01-03",
    "?period=30d&since=&until=&by=&below=", "?model=gpt-4o", "?key=key-1", "?user=user-3", "?team=team-1&period=30d",
    "?error=content_filter", "?feature=%00%1f%25_%5C", "?endpoint=none",
)  # fmt: skip


def test_every_page_is_there_whatever_is_asked(site: Gateway, asked: list[Asked]) -> None:
    for address in (f"/dashboards/{board}{query}" for board in BOARDS for query in QUERIES):
        page = site.page(address)
        assert "<script>alert" not in page, address
        assert "\u202e" not in re.sub(r'="[^"]*"', "", page), address
        assert " style=" not in page, address


def test_narrowed_to_one_thing(site: Gateway, asked: list[Asked]) -> None:
    page = site.page("/dashboards/cost?feature=search")
    assert _tile(page, "Cost") == MONEY.whole(naive(_within(asked, 168, feature="search"))["cost_nano"])
    assert 'class="chip" href="/console/dashboards/cost"' in page
    page = site.page("/dashboards/usage?model=gpt-4o")
    assert _tile(page, "Calls") == f"{len(_within(asked, 168, model='gpt-4o')):,}"


@pytest.mark.parametrize(
    ("path", "status", "told"),
    [
        ("/dashboards/weather", 404, "no such dashboard"),
        ("/dashboards/cost?period=soon", 400, "no length of time"),
        ("/dashboards/cost?by=colour", 400, "is not among"),
        ("/dashboards/cost?since=2026-02-01&until=2026-01-01", 400, "begins before it ends"),
        ("/dashboards/cost?since=yesterday", 400, "not as it should be"),
        ("/dashboards/cost?since=0001-01-01", 400, "begins before it ends"),
        ("/dashboards/cost?since=2026-01-01&until=9999-12-31", 400, "ten years"),
        ("/dashboards/cost?model=a&key=b", 400, "one thing at a time"),
        ("/dashboards/quality?below=nan", 400, "no limit of a score"),
    ],
)
def test_what_does_not_work(empty: Gateway, path: str, status: int, told: str) -> None:
    assert told in empty.page(path, status)


def test_an_empty_installation_and_viewers(empty: Gateway) -> None:
    empty.act_as("viewer")
    for board in BOARDS:
        assert "Nothing" in empty.page(f"/dashboards/{board}")
    assert (
        empty.client.get("/console/dashboards?period=30d").headers["location"] == "/console/dashboards/cost?period=30d"
    )
    assert "Dashboards</a>" in empty.page("/traces")


def test_drift_stands_beside_quality_with_its_days(empty: Gateway) -> None:
    today = now_us() // (24 * HOUR_US)
    assert "Drift of" not in empty.page("/dashboards/quality")
    with writing(empty.platform.store.observe) as connection:
        connection.execute(insert(drifts), drift_rows(today))
    page = empty.page("/dashboards/quality?period=7d")
    day = datetime.fromtimestamp((today - 1) * 86_400, UTC).strftime("%Y-%m-%d")
    assert _rows(page, "Drift of questions")[0] == [day, "0.412", "0.031", "0.0005", "200", "12"]
    answers = _rows(page, "Drift of answers")
    assert answers[0] == [day, "0.41 (0.03)", "0.41 (0.03)"]
    assert [row[1] for row in answers[1:]] == ["0.01 (0.03)"] * 2
    since = (today - 1) * 24 * HOUR_US
    assert f"since_us={since}&amp;until_us={since + 24 * HOUR_US}" in page
    assert "Drift of" not in empty.page("/dashboards/quality?period=7d&model=gpt-4o")
