import pytest

from pilothouse.testing.wire import Answer, fragments, pieces
from pilothouse.types import Usage


@pytest.mark.parametrize("text", ["one two  three", " x ", "a\nb c", "", "漢字 🙂"])
def test_pieces_join_to_the_text(text):
    assert "".join(pieces(text)) == text


def test_fragments():
    frames = [b"one", b"two", b"three"]
    assert list(fragments(frames, "frames")) == frames
    assert list(fragments(frames, "whole")) == [b"onetwothree"]
    assert list(fragments(frames, "bytes")) == [bytes([b]) for b in b"onetwothree"]
    long = [b"x" * 500, b"y" * 500]
    assert b"".join(fragments(long, 7)) == b"".join(long)
    assert list(fragments(long, 7)) == list(fragments(long, 7)) != list(fragments(long, 8))


def test_knobs_in_a_models_name():
    assert Answer.from_model("plain") is None
    assert Answer.from_model("any?") == Answer()
    assert Answer.from_model("any?text=Hi+you&split=bytes&usage=3,4&choices=2&finish_reason=length") == Answer(
        text="Hi you", split="bytes", usage=Usage(3, 4), choices=2, finish_reason="length"
    )
    assert Answer.from_model("any?fault=rate_limit&retry_after=2.5&usage=none&split=12") == Answer(
        fault="rate_limit", retry_after=2.5, usage=None, split=12
    )


@pytest.mark.parametrize("model", ["x?nonsense=1", "x?fault=nope", "x?split=many", "x?usage=1", "x?tool_calls=a"])
def test_knobs_that_do_not_exist(model):
    with pytest.raises(ValueError, match=r".+"):
        Answer.from_model(model)
