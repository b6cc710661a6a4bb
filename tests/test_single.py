import pytest

from pilothouse.errors import InvalidRequest
from pilothouse.single import DEFAULT_MODERATION, ModerationRequest, RerankRequest

IMAGE = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"query": "q", "documents": ["a"]}, None),
        ({"model": "m", "query": "", "documents": ["a"]}, "query"),
        ({"model": "m", "query": "q", "documents": []}, "documents"),
        ({"model": "m", "query": "q", "documents": [{"title": "t"}]}, "documents[0]"),
        ({"model": "m", "query": "q", "documents": ["a", 3]}, "documents[1]"),
        ({"model": "m", "query": "q", "documents": ["a"], "top_n": 0}, "top_n"),
    ],
)
def test_a_rerank_that_cannot_be_served_names_the_field(body: dict[str, object], param: str | None) -> None:
    with pytest.raises(InvalidRequest) as refused:
        RerankRequest.check(body)
    assert refused.value.param == param


def test_documents_are_texts_or_objects_and_each_is_read_with_the_query() -> None:
    request = RerankRequest.check({"model": "m", "query": "q", "documents": ["a", {"text": "b", "id": 7}], "top_n": 9})
    assert request.texts == ["a", "b"]
    assert request.input_texts() == ["q", "q", "a", "b"]
    assert request.top_n == 2


@pytest.mark.parametrize(("count", "length", "units"), [(1, 1, 1), (100, 499, 1), (101, 10, 2), (100, 500, 2)])
def test_search_units_are_bounded_by_documents_and_their_length(count: int, length: int, units: int) -> None:
    request = RerankRequest.check({"model": "m", "query": "q", "documents": ["x" * length] * count})
    assert request.most_units() == units


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, None),
        ({"input": ""}, "input"),
        ({"input": []}, "input"),
        ({"input": [{"type": "audio"}]}, "input[0].type"),
        ({"input": ["a", {"type": "image_url"}]}, "input[1].image_url"),
        ({"input": [{"type": "image_url", "image_url": "https://x"}]}, "input[0].image_url"),
    ],
)
def test_a_moderation_that_cannot_be_served_names_the_field(body: dict[str, object], param: str | None) -> None:
    with pytest.raises(InvalidRequest) as refused:
        ModerationRequest.check(body)
    assert refused.value.param == param


def test_a_moderation_without_a_model_takes_openais_default() -> None:
    request = ModerationRequest.check({"input": [{"type": "text", "text": "hello"}, IMAGE]})
    assert request.model == DEFAULT_MODERATION
    assert request.input_texts() == ["hello"]
