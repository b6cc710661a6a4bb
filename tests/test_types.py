import pytest

from pilothouse.errors import InvalidRequest
from pilothouse.types import ChatRequest, EmbedRequest, Hit, Usage, text_of

HELLO = b'{"model": "m", "messages": [{"role": "user", "content": "hello"}], "x_unknown": {"a": 1}}'


def test_a_request_keeps_fields_it_does_not_know() -> None:
    request = ChatRequest.parse(HELLO)
    assert request.body["x_unknown"] == {"a": 1}
    assert request.edited(model="other").body["x_unknown"] == {"a": 1}
    assert request.model == "m"


@pytest.mark.parametrize(
    ("raw", "param", "words"),
    [
        (b"{", None, "not valid JSON"),
        (b"\xff\xfe", None, "UTF-8, without a byte order mark"),
        (b'{"model": "\xff"}', None, "not valid JSON: 'utf-8' codec"),
        (b"", None, "it is empty"),
        (b'{"model": "\\ud83d"}', None, "half of a surrogate pair"),
        (b'{"model": "m \\ude00 n"}', None, "half of a surrogate pair"),
        (b'{"model": "\\ud83d\\ude00"', None, "not valid JSON: Input data was truncated"),
        (b"[" * 100_000, None, "not valid JSON"),
        (b"[]", None, "must be a JSON object"),
        (b"{}", None, "`model`"),
        (b'{"prompt": "x"}', "prompt", "'prompt' is an object here"),
        (b'{"prompt": ["x"], "model": "m"}', "prompt", "else a chat has 'messages'"),
        (b'{"model": 3, "messages": []}', "model", "Expected `str`"),
        (b'{"model": "m\\r\\nx: y", "messages": []}', "model", "matching regex"),
        (b'{"model": "m\\n", "messages": []}', "model", "matching regex"),
        (b'{"model": "' + b"m" * 513 + b'", "messages": []}', "model", "length <= 512"),
        (b'{"model": "m", "messages": "hi"}', "messages", "Expected `array`"),
        (b'{"model": "m", "messages": []}', "messages", "at least one message"),
        (b'{"model": "m", "messages": [{"content": "x"}]}', "messages[0]", "`role`"),
        (b'{"model": "m", "messages": [{"role": 1}]}', "messages[0].role", "Expected `str`"),
        (b'{"model": "m", "messages": [{"role": "user", "content": 5}]}', "messages[0].content", "Expected"),
        (
            b'{"model": "m", "messages": [{"role": "user", "content": [{"type": "text", "text": 5}]}]}',
            "messages[0].content[0].text",
            "Expected `str",
        ),
        (b'{"model": "m", "messages": [{"role": "user"}], "stream": "yes"}', "stream", "Expected `bool"),
        (b'{"model": "m", "messages": [{"role": "user"}], "temperature": "hot"}', "temperature", "Expected `float"),
    ],
)
def test_a_bad_body_is_refused_with_the_place(raw: bytes, param: str | None, words: str) -> None:
    with pytest.raises(InvalidRequest, match=words.replace("`", ".")) as caught:
        ChatRequest.parse(raw)
    assert caught.value.param == param


def test_the_last_user_text_is_found_among_parts() -> None:
    parts = [{"type": "text", "text": "one"}, {"type": "image_url", "image_url": {}}, {"type": "text", "text": "two"}]
    body = {"model": "m", "messages": [{"role": "user", "content": parts}, {"role": "assistant", "content": "no"}]}
    assert ChatRequest.check(body).last_user_text() == "one\ntwo"
    assert text_of(None) == ""


def test_legacy_completions_need_a_prompt() -> None:
    assert ChatRequest.parse(b'{"model": "m", "prompt": "hi"}', "text_completion").last_user_text() == "hi"
    with pytest.raises(InvalidRequest, match="prompt"):
        ChatRequest.parse(HELLO, "text_completion")


def test_embeddings_take_texts_or_token_ids_but_not_nothing() -> None:
    assert EmbedRequest.parse(b'{"model": "m", "input": "a"}').texts == ["a"]
    assert EmbedRequest.parse(b'{"model": "m", "input": ["a", "b"]}').texts == ["a", "b"]
    with pytest.raises(InvalidRequest, match="token ids"):
        _ = EmbedRequest.parse(b'{"model": "m", "input": [1, 2]}').texts
    with pytest.raises(InvalidRequest, match="empty"):
        EmbedRequest.parse(b'{"model": "m", "input": []}')
    with pytest.raises(InvalidRequest, match="Invalid enum"):
        EmbedRequest.parse(b'{"model": "m", "input": "a", "encoding_format": "hex"}')


def test_usage_in_the_openai_shape_adds_up() -> None:
    shape = Usage(input_tokens=10, output_tokens=4, cached_tokens=6, reasoning_tokens=2).to_openai()
    assert shape["total_tokens"] == 14
    assert shape["prompt_tokens_details"]["cached_tokens"] == 6
    assert shape["completion_tokens_details"]["reasoning_tokens"] == 2


def test_a_hit_says_where_it_stands() -> None:
    assert Hit("c", "t", "a.pdf", page=3).place == "a.pdf, page 3"
    assert Hit("c", "t", "a.md", headings=("Setup", "Keys")).place == "a.md, Setup > Keys"
    assert Hit("c", "t", "a.txt").place == "a.txt"
