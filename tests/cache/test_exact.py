"""Which requests share a key, who shares answers, and what Cache-Control asks."""

from typing import Any

import pytest

from pilothouse.cache.exact import Directives, directives_of, key_of, scope_of
from pilothouse.call import Call
from pilothouse.principal import Principal
from pilothouse.types import ChatRequest, EmbedRequest, Json, Operation

BASE: Json = {
    "model": "m", "temperature": 0, "messages": [{"role": "user", "content": "hi"}], "tools": [{"type": "function"}],
}  # fmt: skip


class Nowhere:
    def record(self, record: object) -> None: ...


def call(
    team: str | None = None, key: str = "k1", user: str | None = None, project: str = "p", **versions: str
) -> Call:
    principal = Principal(project, key, "caller", team_id=team)
    return Call(Nowhere(), principal, project_id=project, key_id=key, user_id=user, versions=versions)


def key(body: Json | None = None, *, by: Call | None = None, alias: str = "m", revision: str = "r", **more: Any) -> str:
    request = ChatRequest({**(BASE if body is None else body), **more})
    return key_of(request, by or call(), alias, revision, "project")


def test_the_order_of_fields_does_not_matter() -> None:
    assert key(dict(reversed(BASE.items()))) == key()


@pytest.mark.parametrize(
    "field",
    [
        {"stream": True}, {"stream_options": {"include_usage": True}}, {"user": "u"}, {"metadata": {"a": "b"}},
        {"store": True}, {"model": "other name of it"}, {"top_p": None}, {"prompt_cache_key": "x"},
    ],
)  # fmt: skip
def test_what_does_not_shape_the_answer_shares_a_key(field: Json) -> None:
    assert key(**field) == key()


@pytest.mark.parametrize(
    "field",
    [
        {"temperature": 1}, {"seed": 1}, {"max_tokens": 5}, {"n": 2}, {"stop": "x"}, {"top_p": 0.5}, {"tools": []},
        {"tool_choice": "none"}, {"response_format": {"type": "json_object"}}, {"unknown_field": 1},
        {"messages": [{"role": "user", "content": "hi "}]},
    ],
)  # fmt: skip
def test_what_shapes_the_answer_parts_keys(field: Json) -> None:
    assert key(**field) != key()


def test_alias_revision_versions_scope_and_dialect_part_keys() -> None:
    request = ChatRequest(BASE)
    keys = {
        key(), key(alias="other"), key(revision="r2"), key(by=call(prompt="v2")), key(by=call(corpus="v2")),
        key(by=call(project="q")), key_of(request, call(), "m", "r", "key:k1"),
        key_of(ChatRequest(BASE, "messages"), call(), "m", "r", "project"),
        key_of(EmbedRequest(BASE), call(), "m", "r", "project"),
    }  # fmt: skip
    assert len(keys) == 9
    assert key(by=call(snapshot="7", deployment="d")) == key(), "what routing writes there does not matter"


def test_a_native_dialect_parts_its_streams_and_all_its_fields() -> None:
    def native(operation: Operation = "responses", **fields: Any) -> str:
        request = ChatRequest({"model": "m", "input": "a", **fields}, operation, ChatRequest(BASE))
        return key_of(request, call(), "m", "r", "project")

    assert native(metadata={"a": "b"}) == native()
    assert len({native(), native(stream=True), native(top_k=1), native(store=True), native("messages")}) == 5


def test_keys_begin_with_their_tenant() -> None:
    assert key().startswith("p\nm\nx\n")


def test_who_shares() -> None:
    assert scope_of("project", call()) == "project"
    assert scope_of("team", call(team="t")) == "team:t"
    assert scope_of("team", call()) == "key:k1", "a key without a team is alone"
    assert scope_of("key", call(team="t")) == "key:k1"
    assert scope_of("user", call(user="u")) == "user:u"
    assert scope_of("user", call()) is None, "nobody knows whose it is"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", Directives()),
        ("no-store", Directives(read=False, write=False)),
        ("no-cache", Directives(read=False)),
        ("No-Cache, no-store", Directives(read=False, write=False)),
        ("max-age=60", Directives(max_age=60)),
        ('private , max-age="5"', Directives(max_age=5)),
        ("max-age=soon", Directives()),
    ],
)
def test_cache_control(header: str, expected: Directives) -> None:
    assert directives_of(header) == expected


def test_beta_features_asked_for_by_header_make_another_answer() -> None:
    def asked(*betas: str) -> str:
        headers = tuple(("anthropic-beta", beta) for beta in betas)
        return key_of(ChatRequest(BASE, "messages", headers=headers), call(), "m", "r", "project")

    assert asked("a") == asked("a")
    assert len({asked(), asked("a"), asked("b")}) == 3
