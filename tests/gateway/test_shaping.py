"""What a route does to a request: limits on the answer, shorter texts, fewer turns; and what it leaves alone."""

from typing import Any

from pilothouse.config import ModelConfig
from pilothouse.gateway.shaping import shaped
from pilothouse.types import ChatRequest, Json

FILLER = "The weather was mild and the streets were quiet. Nothing else happened that week. " * 30


def model(**policies: Any) -> ModelConfig:
    return ModelConfig.model_validate({"deployments": [{"provider": "p", "model": "m"}], **policies})


def chat(*messages: Json, **fields: Any) -> ChatRequest:
    return ChatRequest({"model": "m", "messages": list(messages), **fields})


def user(text: Any) -> Json:
    return {"role": "user", "content": text}


def plain(request: ChatRequest) -> ChatRequest:
    return request


def test_an_ordinary_request_is_handed_on_as_it_is() -> None:
    request = chat(user("Hello"))
    assert shaped(request, model(), plain).request is request


def test_a_default_and_a_cap_on_the_answer() -> None:
    policy = model(output={"default": 200, "cap": 500})
    assert shaped(chat(user("a")), policy, plain).request.body["max_tokens"] == 200
    assert shaped(chat(user("a"), max_tokens=900), policy, plain).request.body["max_tokens"] == 500
    assert shaped(chat(user("a"), max_tokens=20), policy, plain).request.body["max_tokens"] == 20
    body = shaped(chat(user("a"), max_completion_tokens=900), policy, plain).request.body
    assert body["max_completion_tokens"] == 500
    assert "max_tokens" not in body


def test_the_limits_hold_in_other_dialects_under_their_names() -> None:
    translated = chat(user("a"))
    request = ChatRequest({"model": "m", "input": "a"}, "responses", translated)
    made = shaped(request, model(output={"cap": 50}), plain).request
    assert made.body["max_output_tokens"] == 50
    assert made.max_tokens == 50


def test_texts_are_tidied_but_the_assistants_are_not() -> None:
    assistant = {"role": "assistant", "content": "kept   \nas it is"}
    made = shaped(chat(user("a   \nb"), assistant, user([{"type": "text", "text": "c   \nd"}])), model(), plain).request
    assert [m["content"] for m in made.messages] == ["a\nb", "kept   \nas it is", [{"type": "text", "text": "c\nd"}]]


def test_nothing_is_tidied_where_the_route_says_so() -> None:
    request = chat(user("a   \nb"))
    assert shaped(request, model(shaping={"lossless": False}), plain).request is request


def test_an_extract_keeps_the_question_and_the_evidence_and_says_what_it_saved() -> None:
    text = f"{FILLER}The contract was signed by Maria Lopez. {FILLER}\n\nWho signed the contract?"
    made = shaped(chat(user(text)), model(shaping={"extractive": 0.2}), plain)
    content = made.request.messages[0]["content"]
    assert "Maria Lopez" in content
    assert content.endswith("Who signed the contract?")
    assert len(content) < 0.3 * len(text)
    assert made.saved_tokens > 0.6 * len(text) / 4


def test_old_turns_go_and_the_system_message_and_the_last_turn_stay() -> None:
    turns = [m for i in range(10) for m in (user(f"question {i} " + "x" * 400), {"role": "assistant", "content": "y"})]
    request = chat({"role": "system", "content": "be kind"}, *turns, user("last"))
    made = shaped(request, model(shaping={"context_tokens": 300}), plain).request.messages
    assert made[0]["content"] == "be kind"
    assert made[1]["content"].startswith("question 8")
    assert made[-1]["content"] == "last"


def test_a_tools_answer_goes_with_the_turn_that_asked_for_it() -> None:
    asked = {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]}
    tool = {"role": "tool", "tool_call_id": "1", "content": "z" * 4000}
    made = shaped(chat(user("old"), asked, tool, user("new")), model(shaping={"context_tokens": 50}), plain).request
    assert made.messages == [user("new")]


def test_a_last_turn_that_is_too_long_is_sent_all_the_same() -> None:
    request = chat(user("x" * 4000))
    assert shaped(request, model(shaping={"context_tokens": 50}), plain).request is request


def test_a_brief_answer_is_asked_for_in_the_system_message() -> None:
    made = shaped(chat(user("a")), model(output={"brief": True}), plain).request.messages
    assert made[0]["role"] == "system"
    assert "briefly" in made[0]["content"]
    extended = shaped(chat({"role": "system", "content": "S"}, user("a")), model(output={"brief": True}), plain)
    assert extended.request.messages[0]["content"].startswith("S\n\n")


def test_signed_dialects_keep_their_messages() -> None:
    request = ChatRequest({"model": "m", "messages": [user("a   \nb")]}, "messages", chat(user("a   \nb")))
    assert shaped(request, model(shaping={"extractive": 0.1}), plain).request is request


def test_the_prefix_is_ordered_last() -> None:
    marked = chat(user("marked"))
    assert shaped(chat(user("a")), model(shaping={"prefix": True}), lambda _: marked).request is marked
