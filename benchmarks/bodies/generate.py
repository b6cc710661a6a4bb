"""Bodies of made-up calls, in the wire formats that Pilothouse keeps: nobody's data. Deterministic for a seed.

Each maker is one shape of `{"input": ..., "output": ...}` (or of what is kept of a response); the words in it come from
phrases.yaml.
"""

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

__all__ = ["bodies"]

Json = dict[str, Any]
_WORDS: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "phrases.yaml").read_text("utf-8"))


def bodies(count: int, seed: int, *, unseen: bool = False) -> Iterator[Json]:
    """`count` of them, in shapes drawn by their weight. Of the questions and answers every third is used by the
    `unseen` alone: they stand for text that no dictionary knows."""
    made_up = _Made(random.Random(seed), unseen)
    makers, weights = zip(*_SHAPES, strict=True)
    for maker in made_up.source.choices(makers, weights, k=count):
        yield maker(made_up)


class _Made:
    """What bodies are put together from."""

    def __init__(self, source: random.Random, unseen: bool) -> None:
        self.source = source
        texts = {kind: _WORDS[kind] for kind in ("question", "answer")}
        kept = {kind: [t for at, t in enumerate(all_) if (at % 3 == 2) == unseen] for kind, all_ in texts.items()}
        self._words = _WORDS | kept

    def filled(self, value: Any) -> Any:
        """The value with its {slots} filled, however deep."""
        if isinstance(value, dict):
            return {key: self.filled(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.filled(item) for item in value]
        if not isinstance(value, str):
            return value
        while (at := value.find("{")) >= 0 and (end := value.find("}", at)) > 0 and value[at + 1 : end].isalpha():
            value = value[:at] + self._slot(value[at + 1 : end]) + value[end + 1 :]
        return value

    def one(self, kind: str) -> Any:
        return self.filled(self.source.choice(self._words[kind]))

    def chance(self, share: float) -> bool:
        return self.source.random() < share

    def text(self, kind: str = "answer", most: int = 8) -> str:
        sentences = [str(self.one(kind)) for _ in range(self.source.randint(1, most))]
        return self.source.choice((" ", " ", "\n", "\n\n")).join(s[:1].upper() + s[1:] for s in sentences)

    def asked(self) -> str:
        question = self.text("question", 2)
        return f"{question}\n\n{self.text(most=5)}" if self.chance(0.3) else question

    def id(self, prefix: str, digits: int = 24) -> str:
        return prefix + "".join(self.source.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=digits))

    def messages(self) -> list[Json]:
        turns: list[Json] = [{"role": "system", "content": self.text("system", 3)}] if self.chance(0.6) else []
        for _ in range(self.source.choice((0, 0, 0, 1, 2))):
            turns += [{"role": "user", "content": self.asked()}, {"role": "assistant", "content": self.text()}]
        return [*turns, {"role": "user", "content": self.asked()}]

    def settings(self) -> Json:
        offered: Json = {
            "temperature": self.source.choice((0, 0.0, 0.2, 0.7, 1.0)),
            "max_tokens": self.source.choice((64, 256, 512, 1024, 4096)),
            "max_completion_tokens": 1000,
            "top_p": 1,
            "n": 1,
            "seed": 42,
            "user": self.id("user-", 6),
            "stop": ["\n"],
            "presence_penalty": 0,
            "frequency_penalty": 0,
            "reasoning_effort": "low",
            "metadata": {"feature": "chat", "user_id": self.id("", 8), "session_id": self.id("", 12)},
        }
        kept = {name: value for name, value in offered.items() if self.chance(0.2)}
        return {**kept, "stream": True, "stream_options": {"include_usage": True}} if self.chance(0.3) else kept

    def chosen(self, message: Json, reason: str = "stop") -> Json:
        said = {"role": "assistant", **message}
        if self.chance(0.3):
            said |= {"refusal": None, "annotations": []}
        logged = {"logprobs": None} if self.chance(0.3) else {}
        return {"choices": [{"index": 0, "message": said, **logged, "finish_reason": reason}]}

    def passages(self) -> str:
        places = ("report.pdf, page {n}", "guide.md, Setup > Keys", "10-Q.pdf, page {m}", "{topic}.html")
        blocks = [f"[{n}] {self.filled(self.source.choice(places))}\n{self.text()}" for n in range(1, 5)]
        return "<passages>\n" + "\n\n".join(blocks) + f"\n</passages>\n\nQuestion: {self.text('question', 1)}"

    def _slot(self, name: str) -> str:
        numbers = {"n": 10, "m": 1}
        return str(self.source.randrange(numbers[name], 31)) if name in numbers else str(self.one_slot(name))

    def one_slot(self, name: str) -> str:
        return str(self.source.choice(_WORDS["slots"][name]))


def _chat(made: _Made) -> Json:
    asked = {"model": made.one("models"), "messages": made.messages(), **made.settings()}
    return {"input": asked, "output": made.chosen({"content": made.text()})}


def _tools(made: _Made) -> Json:
    offered = made.source.sample(_WORDS["tools"], made.source.randint(1, 3))
    tools = [_function(tool) for tool in offered]
    used, call_id = made.filled(offered[0]), made.id("call_")
    call = {"name": used["name"], "arguments": json.dumps(used["arguments"])}
    called = {"content": None, "tool_calls": [{"id": call_id, "type": "function", "function": call}]}
    messages, settings = made.messages(), {"tools": tools, "tool_choice": "auto", **made.settings()}
    answer = made.chosen(called, "tool_calls")
    if made.chance(0.5):
        result = {"role": "tool", "tool_call_id": call_id, "content": json.dumps(used["result"])}
        messages += [{"role": "assistant", **called}, result]
        answer = made.chosen({"content": made.text()})
    return {"input": {"model": made.one("models"), "messages": messages, **settings}, "output": answer}


def _structured(made: _Made) -> Json:
    names = made.source.sample(_WORDS["fields"], 4)
    properties = {name: {"type": "string", "description": made.text(most=1)} for name in names}
    schema = {"type": "object", "properties": properties, "required": names, "additionalProperties": False}
    wanted = {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": schema}}
    told = json.dumps({name: made.one("label") for name in names})
    asked = {"model": made.one("models"), "messages": made.messages(), "response_format": wanted}
    return {"input": {**asked, **made.settings()}, "output": made.chosen({"content": told})}


def _classified(made: _Made) -> Json:
    asked = {"model": made.one("models"), "messages": made.messages(), "temperature": 0, "max_tokens": 10}
    return {"input": asked, "output": made.chosen({"content": str(made.one("label"))})}


def _image(made: _Made) -> Json:
    address = f"https://example.com/images/{made.id('', 8)}.png"
    content = [{"type": "text", "text": made.asked()}, {"type": "image_url", "image_url": {"url": address}}]
    asked = {"model": made.one("models"), "messages": [{"role": "user", "content": content}], **made.settings()}
    return {"input": asked, "output": made.chosen({"content": made.text()})}


def _embedding(made: _Made) -> Json:
    texts = [made.asked() for _ in range(made.source.randint(1, 3))]
    return {"input": {"model": made.one("models"), "input": texts, "encoding_format": "float"}, "output": None}


def _rerank(made: _Made) -> Json:
    documents = [made.text(most=3) for _ in range(4)]
    asked = {"model": made.one("models"), "query": made.asked(), "documents": documents, "top_n": 3}
    found = [{"index": n, "relevance_score": made.source.random()} for n in range(3)]
    return {"input": asked, "output": {"results": found}}


def _anthropic(made: _Made) -> Json:
    tool = made.filled(made.source.choice(_WORDS["tools"]))
    schema = {"type": "object", "properties": tool["properties"], "required": [next(iter(tool["properties"]))]}
    content: Any = made.asked()
    if made.chance(0.5):
        content = [{"type": "text", "text": content, "cache_control": {"type": "ephemeral"}}]
    use_id = made.id("toolu_")
    turns = [{"role": "user", "content": content}]
    if made.chance(0.4):
        use = {"type": "tool_use", "id": use_id, "name": tool["name"], "input": tool["arguments"]}
        result = {"type": "tool_result", "tool_use_id": use_id, "content": json.dumps(tool["result"])}
        turns += [
            {"role": "assistant", "content": [{"type": "text", "text": made.text(most=2)}, use]},
            {"role": "user", "content": [result]},
        ]
    asked = {"model": made.one("models"), "max_tokens": 1024, "system": made.text("system", 3), "messages": turns}
    if made.chance(0.6):
        described = {"name": tool["name"], "description": tool["description"], "input_schema": schema}
        asked |= {"tools": [described], "tool_choice": {"type": "auto"}}
    return {"input": {**asked, "stream": made.chance(0.5)}, "output": made.chosen({"content": made.text()})}


def _response(made: _Made) -> Json:
    """What is kept of a response: what was asked, and the answer whole."""
    said = {"type": "output_text", "text": made.text(), "annotations": [], "logprobs": []}
    message = {"id": made.id("msg_"), "type": "message", "status": "completed", "role": "assistant", "content": [said]}
    asked = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": made.asked()}]}
    used = {"input_tokens": made.source.randrange(2000), "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": made.source.randrange(900), "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": made.source.randrange(2900)}  # fmt: skip
    response = {
        "id": made.id("resp_"), "object": "response", "created_at": 1_760_000_000 + made.source.randrange(90_000_000),
        "status": "completed", "background": False, "error": None, "incomplete_details": None,
        "instructions": made.text("system", 2), "max_output_tokens": None, "model": made.one("models"),
        "output": [message], "parallel_tool_calls": True, "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None}, "store": True, "temperature": 1.0,
        "text": {"format": {"type": "text"}}, "tool_choice": "auto", "tools": [], "top_p": 1.0,
        "truncation": "disabled", "usage": used, "user": None, "metadata": {},
    }  # fmt: skip
    if made.chance(0.4):
        return {"input": {"model": response["model"], "input": asked["content"][0]["text"]}, "output": response}
    return {"input": [asked], "response": response}


def _passages(made: _Made) -> Json:
    turns = [{"role": "system", "content": _WORDS["system"][-1]}, {"role": "user", "content": made.passages()}]
    return {"input": {"model": made.one("models"), "messages": turns}, "output": made.chosen({"content": made.text()})}


def _retrieval(made: _Made) -> Json:
    place = made.filled(made.source.choice(("report.pdf, page {n}", "guide.md, Setup", "{topic}.html")))
    hits = [{"chunk_id": made.id("", 32), "place": place, "score": made.source.random()} for _ in range(4)]
    if made.chance(0.5):
        documents = [{"id": made.id("doc-", 6), "content": made.text(), "score": made.source.random(),
                      "metadata": {"source": place, "page": made.source.randrange(40)}} for _ in range(3)]  # fmt: skip
        return {"input": {"query": made.asked()}, "output": {"documents": documents}}
    return {"input": {"query": made.asked()}, "output": {"hits": hits}}


def _otel(made: _Made) -> Json:
    """As spans of other tools come in: messages without a request around them."""
    answer = {"message": {"role": "assistant", "content": made.text()}}
    answer |= {"finish_reason": "stop"} if made.chance(0.6) else {}
    return {"input": {"messages": made.messages()}, "output": {"choices": [answer]}}


def _function(tool: Json) -> Json:
    schema = {"type": "object", "properties": tool["properties"], "required": [next(iter(tool["properties"]))]}
    described = {"name": tool["name"], "description": tool["description"], "parameters": schema}
    return {"type": "function", "function": described}


def _step(made: _Made) -> Json:
    """A traced function, or a tool: arguments in, a value out."""
    tool = made.filled(made.source.choice(_WORDS["tools"]))
    if made.chance(0.5):
        return {"input": tool["arguments"], "output": tool["result"]}
    given = {"args": [made.asked()], "kwargs": {"limit": 5}} if made.chance(0.5) else {"value": made.asked()}
    return {"input": given, "output": {"value": made.text()}}


def _langchain(made: _Made) -> Json:
    def kept(kind: str, text: str) -> Json:
        said = {"content": text, "type": kind.removesuffix("Message").lower(), "additional_kwargs": {},
                "response_metadata": {}}  # fmt: skip
        return {"lc": 1, "type": "constructor", "id": ["langchain", "schema", "messages", kind], "kwargs": said}

    asked = [kept("SystemMessage", made.text("system", 2)), kept("HumanMessage", made.asked())]
    answer = {"text": made.text(), "generation_info": {"finish_reason": "stop", "logprobs": None}}
    answer |= {"type": "ChatGeneration", "message": kept("AIMessage", answer["text"])}
    told = {"token_usage": {"completion_tokens": 90, "prompt_tokens": 400, "total_tokens": 490}, "model_name": "gpt-4o"}
    output = {"generations": [[answer]], "llm_output": told, "run": None, "type": "LLMResult"}
    return {"input": {"messages": [asked]}, "output": output}


_SHAPES: list[tuple[Callable[[_Made], Json], float]] = [
    (_chat, 8), (_tools, 4), (_structured, 2), (_classified, 2), (_image, 1), (_embedding, 1), (_rerank, 1),
    (_anthropic, 4), (_response, 3), (_passages, 2), (_retrieval, 1), (_otel, 4), (_step, 3), (_langchain, 1),
]  # fmt: skip
