"""What a span was asked and answered: from attributes, flattened attributes, and events. Knows the GenAI events' names.

https://github.com/open-telemetry/semantic-conventions/blob/v1.41.0/docs/gen-ai/gen-ai-events.md, and the events before
v1.37, each of which is one message.
"""

from collections.abc import Sequence
from typing import Any

from pilothouse.observe import names
from pilothouse.observe.dialects.messages import asked, body_of, chosen, message_of, nested, said
from pilothouse.observe.dialects.otel import Event
from pilothouse.observe.dialects.reading import Reading
from pilothouse.observe.dialects.values import structured
from pilothouse.types import Json

__all__ = ["Bodies", "bodies_of"]

_PLAIN = "text/plain"


class Bodies:
    """Input and output as far as they are known. Whoever speaks first counts; single messages add up."""

    __slots__ = ("input", "output")

    def __init__(self, given: Json | None = None, answered: Json | None = None) -> None:
        self.input = given
        self.output = answered

    def add(self, name: str, attributes: Json, body: Any = None) -> bool:
        """Take over what an event of GenAI tells (`body` is that of a log record); False for any other event."""
        if (role := names.CONTENT_EVENTS.get(name)) is not None:
            self._append(message_of(_unpacked(attributes, body), role))
        elif name == names.CHOICE_EVENT:
            self._choose(_unpacked(attributes, body))
        elif name == names.PROMPT_EVENT:
            self.input = self.input or body_of(structured(attributes.get(names.PROMPT)))
        elif name == names.COMPLETION_EVENT:
            self.output = self.output or body_of(structured(attributes.get(names.COMPLETION)), answer=True)
        elif name == names.DETAILS_EVENT:
            told = bodies_of(Reading({**attributes, **body} if isinstance(body, dict) else attributes), ())
            self.input, self.output = self.input or told.input, self.output or told.output
        else:
            return False
        return True

    def _append(self, message: Json) -> None:
        if self.input is None:
            self.input = {"messages": []}
        if isinstance(listed := self.input.get("messages"), list):
            listed.append(message)

    def _choose(self, choice: Json) -> None:
        message = choice.get("message")
        told = message if isinstance(message, dict) else {k: v for k, v in choice.items() if k != "index"}
        if isinstance(message, str):
            told["content"] = told.pop("message")
        if "finish_reason" in choice:
            told = {**told, "finish_reason": choice["finish_reason"]}
        made = chosen([message_of(told, "assistant")])
        if self.output is None:
            self.output = made
        elif made is not None and isinstance(listed := self.output.get("choices"), list):
            listed += made["choices"]


def bodies_of(reading: Reading, events: Sequence[Event]) -> Bodies:
    """What was said on purpose first, then messages, then whatever else is called an input."""
    bodies = Bodies(
        body_of(structured(reading.get("given_input"))), body_of(structured(reading.get("given_output")), answer=True)
    )
    if bodies.input is None:
        bodies.input = asked(_input_messages(reading))
    if bodies.output is None:
        bodies.output = chosen(_messages(reading, "output_messages", "assistant"))
    for event in events:
        bodies.add(event.name, event.attributes)
    if bodies.input is None:
        texts = [item.get("embedding.text") for item in reading.listed("embeddings")]
        bodies.input = {"input": texts} if any(texts) else body_of(_told(reading, "input"))
    if bodies.output is None:
        found = [nested(item) for item in reading.listed("documents")]
        documents = [item.get("document", item) for item in found]
        bodies.output = {"documents": documents} if documents else body_of(_told(reading, "output"), answer=True)
    return bodies


def _input_messages(reading: Reading) -> list[Json]:
    messages = _messages(reading, "input_messages", "user")
    system = structured(reading.get("system"))
    if isinstance(system, list):
        messages.insert(0, message_of({"role": "system", "parts": system}))
    elif system is not None:
        messages.insert(0, {"role": "system", "content": system})
    return messages


def _messages(reading: Reading, meaning: str, role: str) -> list[Json]:
    whole = structured(reading.get(meaning))
    if isinstance(whole, list):
        return [message_of(item, role) for item in whole if isinstance(item, dict)]
    return [said(item) for item in reading.listed(meaning)]


def _told(reading: Reading, meaning: str) -> Any:
    """A value by its media type: plain text stays text, whatever it looks like."""
    value = reading.get(meaning)
    return value if reading.get(f"{meaning}_mime") == _PLAIN else structured(value)


def _unpacked(attributes: Json, body: Any) -> Json:
    """What an event tells, without the attributes that say which system it came from; JSON texts unpacked."""
    told = {name: structured(value) for name, value in attributes.items() if not name.startswith(("gen_ai.", "event."))}
    return {**told, **body} if isinstance(body, dict) else told
