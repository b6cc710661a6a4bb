import msgspec

from pilothouse.observe.depth import DEEPEST, TOO_DEEP, shallow


def test_what_is_deep_is_cut_and_all_else_stays() -> None:
    flat = {"a": [1, {"b": None}], "c": "[[[["}
    assert shallow(flat) == flat
    deep = msgspec.json.decode(b'{"a":' * 900 + b"1" + b"}" * 900)
    told = shallow(deep)
    for _ in range(DEEPEST):
        told = told["a"]
    assert told == TOO_DEEP
    assert shallow([[[1]]], 2) == [[TOO_DEEP]]
