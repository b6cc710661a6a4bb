import pytest

from pilothouse.errors import InvalidRequest
from pilothouse.observe import Traces, sessions
from pilothouse.observe.scores import Score, Scores
from pilothouse.storage import Store

from .conftest import Write
from .making import step


def _turn(number: int, session: str, **more: object) -> list[object]:
    return [step("root", trace_id=f"t{number:02}", at=number * 1000, session_id=session, **more)]


def test_a_session_sums_up_its_traces(write: Write, traces: Traces, store: Store) -> None:
    write([*_turn(1, "s", user_id="ada"), *_turn(2, "s", user_id="bob", status="error"), *_turn(3, "other")])
    judged = [Score(id=f"j{n}", name="tone", trace_id=f"t0{n}", value=n / 10) for n in (1, 2, 3)]
    Scores(store).put("default", judged)
    one, two = traces.sessions.page().rows[::-1]
    assert (one.id, one.turns, one.failed, one.users) == ("s", 2, 1, ("ada", "bob"))
    assert (one.start_us, one.last_us) == (step("x", at=1000).start_us, step("x", at=2000).end_us)
    assert one.scores == pytest.approx({"tone": 0.15})
    assert (one.cost_nano, one.cost_known) == (None, True)
    assert traces.sessions.get("s") == one
    assert (two.id, two.turns) == ("other", 1)
    assert traces.sessions.get("none") is None
    assert traces.sessions.get("s", "elsewhere") is None


def test_a_session_is_judged_itself(write: Write, traces: Traces, store: Store) -> None:
    write([*_turn(1, "s"), *_turn(2, "other")])
    own = [Score(id=f"j{n}", name="solved", session_id="s", value=float(n), at_us=n) for n in (1, 2)]
    of_others = [
        Score(id="of its trace", name="tone", session_id="s", trace_id="t01", value=0.5),
        Score(id="of another", name="solved", session_id="other", value=0.0),
    ]
    Scores(store).put("default", [*own, *of_others])
    assert [score.id for score in traces.scores.of_session("s")] == ["j2", "j1"]
    assert traces.scores.of_session("s", "elsewhere") == traces.scores.of_session("\0") == []
    summed = traces.sessions.get("s")
    assert summed is not None
    assert summed.scores == {"tone": 0.5}


def test_pages_join_and_each_session_comes_once(write: Write, traces: Traces) -> None:
    write([span for n in range(40) for span in _turn(n, f"s{n % 7}")])
    found, place = [], None
    while True:
        page = traces.sessions.page(limit=3, before=place)
        found += [row.id for row in page.rows]
        place = page.next
        if place is None:
            break
    assert found == ["s4", "s3", "s2", "s1", "s0", "s6", "s5"]


def test_sessions_of_a_user_and_by_a_part_of_the_id(write: Write, traces: Traces) -> None:
    write([*_turn(1, "s-1", user_id="ada"), *_turn(2, "s-1", user_id="bob"), *_turn(3, "S_2", user_id="bob")])
    assert [row.id for row in traces.sessions.page(user="ada").rows] == ["s-1"]
    assert [row.id for row in traces.sessions.page(user="bob").rows] == ["S_2", "s-1"]
    assert [row.id for row in traces.sessions.page(text="s_").rows] == ["S_2"]
    assert traces.sessions.page(user="\0", text="%").rows == []


def test_a_search_for_sessions_goes_on(write: Write, traces: Traces, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "SEARCHED", 4)
    write([span for n in range(10) for span in _turn(n, "rare" if n == 1 else "usual")])
    first = traces.sessions.page(text="rare")
    assert first.rows == []
    pages = [first]
    while (place := pages[-1].next) is not None:
        pages.append(traces.sessions.page(text="rare", before=place))
    assert [row.id for page in pages for row in page.rows] == ["rare"]


@pytest.mark.parametrize("before", ["", "nonsense", "1-", "99999999999999999999-t"])
def test_a_place_that_no_page_gave(traces: Traces, before: str) -> None:
    with pytest.raises(InvalidRequest, match="no place"):
        traces.sessions.page(before=before)
