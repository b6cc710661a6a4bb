"""Cards and estimates as lines."""

from pilothouse.cli.evals.judged import bounds, card_row, card_told, estimate_told
from pilothouse.evals.cards.card import JudgeId, make_card
from pilothouse.evals.cards.estimating import estimate
from pilothouse.evals.cards.ratings import Rating
from pilothouse.storage.evaluating.judge_cards import KeptCard


def kept(ratings: list[Rating]) -> KeptCard:
    who = JudgeId(model="gpt-4o", kind="pairwise", options="abc")
    card = make_card(ratings, who, "pairs")
    return KeptCard(
        id="card", model=who.model, kind=who.kind, options=who.options, criterion="", labelled=card.labelled,
        kappa=None, low=None, made_us=0, body=card.to_json(),
    )  # fmt: skip


def test_values_and_intervals() -> None:
    assert bounds(None) == bounds({"value": None}) == ""
    assert bounds({"value": 0.5, "low": None, "high": None}) == "0.50 (no interval)"
    assert bounds({"value": 0.1234, "low": 0.1, "high": 0.2}, 3) == "0.123 (0.100 to 0.200)"


def test_a_card_of_pairs() -> None:
    told = [
        Rating(item=str(i), judge="win" if i % 3 else "tie", people="win" if i % 2 else "loss", votes=("win", "loss"),
               lengths=(9, 3), models=("gpt-4o", "claude-3"), places=("first", "second" if i % 3 else "first"),
               cost_nano=None if i else 7, latency_s=1.5)
        for i in range(12)
    ]  # fmt: skip
    card = kept(told)
    lines = "\n".join(card_told(card))
    for part in (
        "gpt-4o by pairwise on its verdict as a whole", "position flips: 0.33", "of these to the first place: 1.00",
        "the longer answer wins, of the decided pairs: judge 1.00", "judge less people: 0.50", ", p = ",
        "answers of its own kind wins", "$0.000001 and 11 of unknown price", "time: median 1.50 s",
        "a judge that takes the longer answer would agree: 0.50",
    ):  # fmt: skip
        assert part.replace("$0.000001", "<$0.000001") in lines, part
    row = card_row(card)
    assert (row["criterion"], row["flips"][:4], row["length"][:4]) == ("(whole)", "0.33", "0.50")
    assert "cost of a verdict: unknown" in "\n".join(card_told(kept([Rating(item="1", judge="win", cost_nano=None)])))


def test_an_estimate() -> None:
    told = [Rating(item=str(i), judge="pass", people="pass" if i % 2 else "fail") for i in range(40)]
    told += [Rating(item=f"a{i}", judge="pass" if i % 3 else "fail") for i in range(40)]
    told.append(Rating(item="x", people="pass"))
    lines = "\n".join(estimate_told(estimate(told, "labels")))
    assert "by people, estimated: 0." in lines
    assert "0.500 too high where both are known" in lines
    assert "1 labelled cases have no verdict" in lines
