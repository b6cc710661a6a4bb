"""Anthropic's Messages as chats: there and back nothing is lost, and what cannot be said is named."""

import hashlib
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.errors import InvalidRequest
from pilothouse.gateway.dialects.messages import read_request
from pilothouse.gateway.dialects.messages_content import short_name
from pilothouse.gateway.dialects.messages_fit import fitted
from pilothouse.providers.anthropic_wire import to_messages
from pilothouse.types import ChatRequest, Json

USER = {"role": "user", "content": "Hi"}
PIXEL = {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}
IMAGE = {"type": "image", "source": PIXEL}
IMAGE_PART = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
TOOL = {"name": "f", "description": "Does f.", "input_schema": {"type": "object", "properties": {}}}
FIRST = "messages[0].content[0]"
BY_ADDRESS = {"type": "document", "source": {"type": "url", "url": "http://a"}}
BY_ID = {"type": "image", "source": {"type": "file", "file_id": "f"}}
CITED = {"type": "document", "source": {"type": "text", "data": "x"}, "citations": {"enabled": True}}
HALF_AN_IMAGE = {"type": "image", "source": {"type": "base64"}}
BAD_USE = {"type": "tool_use", "id": "a", "name": "f", "input": "x"}
MARK = {"cache_control": {"type": "ephemeral"}}


def request(*messages: Json, **fields: Any) -> ChatRequest:
    return read_request({"model": "m", "max_tokens": 10, "messages": list(messages) or [USER], **fields})


def chat(*messages: Json, **fields: Any) -> Json:
    return request(*messages, **fields).as_chat.body


def fit(model: str, *messages: Json, plain: bool = True, **fields: Any) -> Json:
    return fitted(request(*messages, **fields).edited(model=model).as_chat, plain=plain).body


def user(*blocks: Json) -> Json:
    return {"role": "user", "content": list(blocks)}


def text(said: str, **more: Any) -> Json:
    return {"type": "text", "text": said, **more}


# ---- there and back

words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20).filter(lambda said: said.strip())
arguments = st.dictionaries(words, st.one_of(words, st.integers(), st.none()), max_size=2)
media = st.sampled_from(
    [IMAGE, {"type": "document", "source": {**PIXEL, "media_type": "application/pdf"}, "title": "a"}]
)
said = st.lists(st.one_of(words.map(text), media), min_size=1, max_size=3)


@st.composite
def conversations(draw: st.DrawFn) -> list[Json]:
    messages: list[Json] = []
    asked: list[str] = []
    for turn in range(draw(st.integers(1, 4))):
        results = [
            {
                "type": "tool_result",
                "tool_use_id": call_id,
                "content": [text(draw(words))],
                **({"is_error": True} if draw(st.booleans()) else {}),
            }
            for call_id in asked
        ]
        messages.append(user(*results, *(draw(said) if not results or draw(st.booleans()) else [])))
        count = draw(st.integers(0, 2))
        asked = [f"toolu_{turn}_{number}" for number in range(count)]
        uses = [{"type": "tool_use", "id": call_id, "name": "f", "input": draw(arguments)} for call_id in asked]
        thoughts = [{"type": "thinking", "thinking": draw(words), "signature": "sig"}] if draw(st.booleans()) else []
        texts = [text(words) for words in draw(st.lists(words, min_size=0 if uses else 1, max_size=2))]
        messages.append({"role": "assistant", "content": [*thoughts, *texts, *uses]})
    return messages


def flat(messages: list[Json]) -> list[tuple[str, Json]]:
    return [(message["role"], block) for message in messages for block in message["content"]]


@given(conversations(), st.lists(words, min_size=1, max_size=2))
def test_there_and_back_keeps_text_tools_and_order(messages: list[Json], system: list[str]) -> None:
    asked = request(*messages, system=[text(said) for said in system], tools=[TOOL], stop_sequences=["END"])
    assert asked.unsaid == ()
    back = to_messages(asked.as_chat, 1)
    assert flat(back["messages"]) == flat(messages)
    assert back["system"] == [text(said) for said in system]
    assert back["tools"] == [TOOL]
    assert (back["max_tokens"], back["stop_sequences"]) == (10, ["END"])


# ---- the conversation


def test_system_prompts_become_the_first_messages() -> None:
    assert chat(system="Be brief.")["messages"] == [{"role": "system", "content": "Be brief."}, USER]
    blocks = [text("x-anthropic-billing-header: cc_version=2.1; cch=1"), text("One", **MARK), text("Two")]
    assert chat(system=blocks)["messages"][0] == {"role": "system", "content": blocks[1:]}
    late = chat(USER, {"role": "system", "content": "From now on, be brief."})
    assert late["messages"][1] == {"role": "system", "content": "From now on, be brief."}


def test_tool_results_come_first_and_their_images_follow() -> None:
    result = {"type": "tool_result", "tool_use_id": "t1", "content": [text("A chart"), IMAGE], "is_error": True}
    other = {"type": "tool_result", "tool_use_id": "t2", "content": [text("One"), text("Two")]}
    silent = {"type": "tool_result", "tool_use_id": "t3"}
    assert chat(user(text("Look"), result, other, silent))["messages"] == [
        {
            "role": "tool",
            "tool_call_id": "t1",
            "content": "A chart\n(What was returned follows in the next message.)",
            "is_error": True,
        },
        {"role": "tool", "tool_call_id": "t2", "content": "One\nTwo"},
        {"role": "tool", "tool_call_id": "t3", "content": ""},
        {"role": "user", "content": [text("Look"), IMAGE_PART]},
    ]


def test_documents_search_results_and_references_are_said_in_text() -> None:
    plain = {
        "type": "document",
        "title": "Plan",
        "context": "Draft",
        "source": {"type": "text", "media_type": "text/plain", "data": "Go."},
    }
    made = {"type": "document", "source": {"type": "content", "content": [text("Part"), IMAGE]}}
    found = {"type": "search_result", "title": "T", "source": "http://a", "content": [text("Body")]}
    tool = {"type": "tool_reference", "tool_name": "f"}
    (message,) = chat(user(plain, made, found, tool))["messages"]
    assert message["content"] == [
        text("Plan\n\nDraft\n\nGo."),
        text("Part"),
        IMAGE_PART,
        text("T\nhttp://a\nBody"),
        text("The tool 'f' is on offer."),
    ]


@pytest.mark.parametrize(
    ("fields", "unsaid"),
    [
        ({"messages": [user({"type": "server_tool_use", "id": "s"})]}, f"{FIRST}.type"),
        ({"messages": [user(BY_ID)]}, f"{FIRST}.source"),
        ({"messages": [user(BY_ADDRESS)]}, f"{FIRST}.source"),
        (
            {"messages": [user(CITED)]},
            f"{FIRST}.citations",
        ),
        ({"tools": [TOOL, {"type": "web_search_20250305", "name": "web_search"}]}, "tools[1].type"),
        ({"mcp_servers": [{"url": "http://a"}]}, "mcp_servers"),
        ({"container": "c"}, "container"),
        ({"inference_geo": "us"}, "inference_geo"),
    ],
)
def test_what_a_chat_cannot_say_is_named(fields: Json, unsaid: str) -> None:
    assert request(**fields).unsaid == (unsaid,)


def test_hints_are_dropped() -> None:
    hints = {
        "service_tier": "auto", "speed": "fast", "context_management": {"edits": []}, "diagnostics": {}, "future": 1,
        "cache_control": {"type": "ephemeral"}, "thinking": {"type": "adaptive"}, "inference_geo": "global",
    }  # fmt: skip
    assert request(**hints).unsaid == ()
    assert chat(**hints) == {"model": "m", "messages": [USER], "max_tokens": 10}


# ---- parameters


def test_tools_and_the_choice_among_them() -> None:
    body = chat(tools=[{**TOOL, "strict": True, "defer_loading": True, **MARK}], tool_choice={"type": "any"})
    function = {"name": "f", "description": "Does f.", "parameters": TOOL["input_schema"], "strict": True}
    assert body["tools"] == [{"type": "function", "function": function, **MARK}]
    assert body["tool_choice"] == "required"

    def choice(**given: Any) -> tuple[Any, Any]:
        body = chat(tools=[TOOL], tool_choice=given)
        return body["tool_choice"], body.get("parallel_tool_calls")

    assert choice(type="auto") == ("auto", None)
    assert choice(type="none") == ("none", None)
    assert choice(type="tool", name="f") == ({"type": "function", "function": {"name": "f"}}, None)
    assert choice(type="auto", disable_parallel_tool_use=True) == ("auto", False)
    assert "tool_choice" not in chat(tool_choice={"type": "auto"})


def test_long_tool_names_are_the_same_everywhere() -> None:
    name = "mcp__" + "y" * 100
    use = {"type": "tool_use", "id": "t", "name": name, "input": {}}
    body = chat(
        {"role": "assistant", "content": [use]},
        tools=[{**TOOL, "name": name}],
        tool_choice={"type": "tool", "name": name},
    )
    sent = short_name(name)
    assert body["tools"][0]["function"]["name"] == sent
    assert body["tool_choice"]["function"]["name"] == sent
    assert body["messages"][0]["tool_calls"][0]["function"]["name"] == sent
    assert short_name(name + "z") != sent


def test_the_user_fits_openais_field() -> None:
    assert chat(metadata={"user_id": "u1"})["user"] == "u1"
    long = "user_" + "a" * 100
    assert chat(metadata={"user_id": long})["user"] == hashlib.sha256(long.encode()).hexdigest()


@pytest.mark.parametrize(
    ("fields", "effort"),
    [
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, "low"),
        ({"thinking": {"type": "enabled", "budget_tokens": 4096}}, "medium"),
        ({"thinking": {"type": "enabled", "budget_tokens": 31999}}, "high"),
        ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}}, "max"),
        ({"thinking": {"type": "disabled"}, "output_config": {"effort": "max"}}, None),
        ({}, None),
    ],
)
def test_effort(fields: Json, effort: str | None) -> None:
    assert chat(**fields).get("reasoning_effort") == effort


def test_a_schema_is_strict_where_openai_can_enforce_it() -> None:
    closed = {
        "type": "object",
        "properties": {"a": {"type": "string"}},
        "required": ["a"],
        "additionalProperties": False,
    }
    for name, value in (
        ("output_config", {"format": {"type": "json_schema", "schema": closed}}),
        ("output_format", {"type": "json_schema", "schema": closed}),
    ):
        assert chat(**{name: value})["response_format"] == {
            "type": "json_schema", "json_schema": {"name": "answer", "schema": closed, "strict": True},
        }  # fmt: skip
    optional = {**closed, "required": []}
    wanted = chat(output_config={"format": {"type": "json_schema", "schema": optional}})["response_format"]
    assert wanted["json_schema"] == {"name": "answer", "schema": optional}


# ---- mistakes


@pytest.mark.parametrize(
    ("fields", "param", "message"),
    [
        ({"max_tokens": None}, "max_tokens", "Field required"),
        ({"messages": []}, "messages", "at least one"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role", "tool"),
        ({"messages": [{"role": "user", "content": 3}]}, "messages[0].content", "Expected"),
        ({"messages": [user({"type": "text"})]}, f"{FIRST}.text", "must be a text"),
        ({"messages": [user({"type": "image"})]}, f"{FIRST}.source", "'type'"),
        ({"messages": [user(HALF_AN_IMAGE)]}, f"{FIRST}.source.media_type", "text"),
        ({"messages": [user({"type": "tool_result"})]}, f"{FIRST}.tool_use_id", "text"),
        (
            {"messages": [{"role": "assistant", "content": [BAD_USE]}]},
            f"{FIRST}.input",
            "object",
        ),
        ({"tools": [{"name": "f"}]}, "tools[0].input_schema", "Field required"),
        ({"tools": [TOOL], "tool_choice": {"type": "tool"}}, "tool_choice.name", "Field required"),
        ({"tool_choice": {"type": "some"}}, "tool_choice.type", "Invalid"),
        ({"model": "a\nb"}, "model", "match"),
        ({"system": [{"type": "image"}]}, "system[0].type", "Invalid"),
    ],
)
def test_malformed_requests_name_the_field(fields: Json, param: str, message: str) -> None:
    with pytest.raises(InvalidRequest, match=message) as caught:
        request(**fields)
    assert caught.value.param == param


def test_counting_needs_no_max_tokens() -> None:
    body = {"model": "m", "messages": [USER]}
    assert "max_tokens" not in read_request(body, counting=True).as_chat.body


# ---- fitted to a model


def test_servers_that_know_openais_fields_alone_get_no_others() -> None:
    use = {"type": "tool_use", "id": "t", "name": "f", "input": {}, **MARK}
    thought = {"type": "thinking", "thinking": "hm", "signature": "sig"}
    result = {"type": "tool_result", "tool_use_id": "t", "content": "not found", "is_error": True, **MARK}
    told = {"type": "tool_result", "tool_use_id": "u", "content": "Error: no", "is_error": True}
    conversation = (
        user(text("Hi", **MARK), IMAGE),
        {"role": "assistant", "content": [thought, text("Well", **MARK), use, {**use, "id": "u"}]},
        user(result, told),
    )
    body = fit("llama", *conversation, system=[text("Be brief.", **MARK)], tools=[{**TOOL, **MARK}])
    assert b"cache_control" not in msgspec.json.encode(body)
    function = {"name": "f", "arguments": "{}"}
    assert body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [text("Hi"), IMAGE_PART]},
        {
            "role": "assistant",
            "content": "Well",
            "tool_calls": [{"id": call_id, "type": "function", "function": function} for call_id in ("t", "u")],
        },
        {"role": "tool", "tool_call_id": "t", "content": "Error: not found"},
        {"role": "tool", "tool_call_id": "u", "content": "Error: no"},
    ]
    translating = fit("claude", *conversation, plain=False)["messages"]
    assert translating[1]["thinking_blocks"] == [thought]
    assert translating[2]["is_error"] is True
    assert translating[0]["content"][0] == text("Hi", **MARK)


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("gpt-5.1", "max_completion_tokens"),
        ("openai/o3", "max_completion_tokens"),
        ("gpt-4o", "max_tokens"),
        ("llama-3", "max_tokens"),
    ],
)
def test_the_limit_has_the_name_that_the_model_knows(model: str, name: str) -> None:
    body = fit(model)
    assert [field for field in body if field.startswith("max_")] == [name]
    assert body[name] == 10


def test_effort_goes_to_models_that_are_known_to_take_it() -> None:
    asked = {"output_config": {"effort": "max"}}
    assert fit("gpt-5", **asked)["reasoning_effort"] == "high"
    assert fit("gemini-2.5-pro", plain=False, **asked)["reasoning_effort"] == "max"
    for model in ("gpt-4o", "llama-3.1-8b", "command-r", "gemini-2.0-flash"):
        assert "reasoning_effort" not in fit(model, plain=model != "command-r", **asked)
