"""For tests, plugin authors' included: servers that speak the vendors' wire formats, and the contract suites."""

from pilothouse.testing.asking import Outcome, answering, ask, chat_request
from pilothouse.testing.record import MemoryRecorder, new_call
from pilothouse.testing.server import WireServer
from pilothouse.testing.wire import Answer, Fault, Heard, Received, Refusal, ToolCall, Turn, fragments

__all__ = [
    "Answer", "Fault", "Heard", "MemoryRecorder", "Outcome", "Received", "Refusal", "ToolCall", "Turn", "WireServer",
    "answering", "ask", "chat_request", "fragments", "new_call",
]  # fmt: skip
