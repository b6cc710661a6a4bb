"""The wire-format servers of every vendor as one process, for clients whose environment lacks Pilothouse.

python upstreams.py prints their addresses as one line of JSON, then serves until its standard input ends.
"""

import json
import re
import sys
from contextlib import ExitStack

from pilothouse.testing import Answer, Heard, ToolCall, WireServer
from pilothouse.testing.anthropic_server import AnthropicServer
from pilothouse.testing.bedrock_server import ACCESS_KEY, REGION, SECRET_KEY, BedrockServer
from pilothouse.testing.cohere_server import CohereServer
from pilothouse.testing.google_server import GoogleServer
from pilothouse.testing.openai_server import OpenAIServer

SERVERS: dict[str, type[WireServer]] = {
    "openai": OpenAIServer,
    "anthropic": AnthropicServer,
    "google": GoogleServer,
    "bedrock": BedrockServer,
    "cohere": CohereServer,
}
CITY = {"city": "Oslo"}
_ORDER = re.compile(r"Call the tool (\w+) with (\{.*\})")


def obliging(server_class: type[WireServer]) -> WireServer:
    """A server that does what it is asked for: calls the tool it is told to or else the first it is offered, or follows
    the schema it is given."""

    class Obliging(server_class):  # type: ignore[misc, valid-type]
        def pick(self, heard: Heard) -> Answer:
            answer = super().pick(heard)
            if answer.fault is not None:
                return answer
            if heard.schema is not None:
                return Answer(text=json.dumps(CITY))
            told = [text for turn in heard.turns for _, text in turn.results]
            if told:
                return Answer(text=f"The tool says: {told[-1]}")
            if heard.tools and heard.tool_choice != "none":
                order = _ORDER.search(" ".join(turn.text for turn in heard.turns))
                name, arguments = (order[1], json.loads(order[2])) if order else (next(iter(heard.tools)), CITY)
                call = ToolCall("call_wire1", name, arguments)
                return Answer(text="", tool_calls=(call,), finish_reason="tool_calls")
            return answer

    made: WireServer = Obliging()
    return made


def main() -> None:
    with ExitStack() as stack:
        urls = {name: stack.enter_context(obliging(kind)).url for name, kind in SERVERS.items()}
        options = {"region": REGION, "aws_access_key_id": ACCESS_KEY, "aws_secret_access_key": SECRET_KEY}
        print(json.dumps({"urls": urls, "bedrock": options}), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
