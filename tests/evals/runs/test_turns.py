"""What a turn came to: who paid, how long the answers took, and in which trace."""

from pilothouse.evals.runs.turns import Turn, trace_of
from pilothouse.ids import new_id, time_us_of
from pilothouse.storage.evaluating.eval_answers import KeptAnswer


def answer(trace: str = "mine", cost: int | None = 5, seconds: float = 2) -> KeptAnswer:
    return KeptAnswer(body={"raw": ""}, latency_us=int(seconds * 1e6), cost_nano=cost, trace_id=trace)


def test_what_others_paid_is_part_of_the_cost_and_not_of_what_was_paid() -> None:
    turn = Turn(trace_id="mine")
    assert not turn.cached
    assert not turn.note("a", answer("other"), fresh=False)
    assert (turn.cached, turn.cost_nano, turn.paid_nano) == (True, 5, 0)
    assert turn.note("b", answer(), fresh=True)
    assert not turn.note("b", answer(), fresh=False)  # the same question again is paid for once
    assert (turn.cached, turn.cost_nano, turn.paid_nano, turn.calls) == (False, 10, 5, 3)
    turn.note("c", answer(cost=None), fresh=True)
    assert turn.cost_nano is turn.paid_nano is None


def test_latency_is_that_of_the_answers_when_they_were_made() -> None:
    kept, fresh = Turn(trace_id="mine", inside_s=0.1), Turn(trace_id="mine", inside_s=5, waited_s=3)
    kept.note("a", answer("other"), fresh=False)
    fresh.note("a", answer(), fresh=True)
    assert kept.latency_s(0.1) == fresh.latency_s(5) == 2
    two = Turn(trace_id="mine", inside_s=5, waited_s=1)
    for key in "ab":
        two.note(key, answer(), fresh=True)
    assert two.latency_s(3) == 2  # they were asked at once


def test_traces_are_always_the_same_and_as_any_other() -> None:
    run = new_id()
    traces = {trace_of(run, case, trial, name) for case in "ab" for trial in (0, 1) for name in ("", "x")}
    assert len(traces) == 8
    assert trace_of(run, "a", 0) == trace_of(run, "a", 0)
    for trace in traces:
        assert (len(trace), time_us_of(trace), trace[12]) == (32, time_us_of(run), "7")
