import pytest

from pilothouse.console.payload import LONGEST, Turn, turns


def test_a_conversation() -> None:
    body = {
        "model": "fast",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "Look:"}, {"type": "image_url", "image_url": {}}]},
            {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]},
            {"role": "tool", "content": "42"},
        ],
    }
    found = turns(body)
    assert [turn.role for turn in found] == [
        "system", "user", "user · image_url", "assistant · tool calls", "tool", "more",
    ]  # fmt: skip
    assert found[1].text == "Look:"
    assert found[-1] == Turn("more", '{\n  "model": "fast"\n}', code=True)


def test_an_answer_with_reasoning_and_citations() -> None:
    message = {"role": "assistant", "content": "Yes [1].", "reasoning_content": "Hm."}
    body = {"choices": [{"message": message}], "citations": [{"number": 1, "place": "a.pdf, page 3"}]}
    assert turns(body) == [
        Turn("assistant · reasoning", "Hm."), Turn("assistant", "Yes [1]."), Turn("citations", "[1] a.pdf, page 3"),
    ]  # fmt: skip


def test_a_text_completion_and_a_query() -> None:
    assert turns({"choices": [{"text": "and so on"}]}) == [Turn("completion", "and so on")]
    assert turns({"query": "where?"}) == [Turn("query", "where?")]


def test_the_arguments_and_the_text_of_a_traced_function() -> None:
    assert turns({"question": "How long?", "style": "brief"}) == [Turn("question", "How long?"), Turn("style", "brief")]
    assert turns({"value": "Four minutes."}) == [Turn("text", "Four minutes.")]
    assert [turn.code for turn in turns({"question": "How long?", "k": 3})] == [True]


def test_hits_of_a_retriever() -> None:
    hits = [{"chunk_id": "c", "place": "a.md, Top", "score": 0.84894}, {"chunk_id": "d", "score": 1}]
    assert turns({"hits": hits}) == [Turn("hits", "0.849  a.md, Top\n1  d")]


def test_long_texts_are_cut() -> None:
    turn = turns("x" * (LONGEST + 7))[0]
    assert (len(turn.text), turn.cut) == (LONGEST, 7)


@pytest.mark.parametrize(
    "body",
    [
        None, "", 0, [], [1], {}, {"messages": None}, {"messages": []}, {"messages": ["x"]}, {"messages": [{}]},
        {"messages": [{"role": 5, "content": {"a": 1}}]}, {"choices": [{"message": "x"}]}, {"choices": {}},
        {"messages": [{"content": [1, None, "x", {"type": 3}]}]}, {"citations": [{}]},
        {"hits": [{}]}, {"hits": [{"score": None}]},
        {"input": ["a", "b"]},
    ],
)  # fmt: skip
def test_whatever_comes_is_shown_somehow(body: object) -> None:
    assert all(isinstance(turn.text, str) for turn in turns(body))
