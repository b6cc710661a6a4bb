"""A vendor that can be held: it answers by what it is asked, counts what it answered, and falls silent when told to.

For runs that are killed while their questions are under way.
"""

import threading
from collections import Counter
from collections.abc import Callable

from pilothouse.testing.openai_server import OpenAIServer
from pilothouse.testing.wire import Answer, Heard
from pilothouse.types import Usage

__all__ = ["HeldVendor"]


class HeldVendor(OpenAIServer):
    """`reply` says what to answer to the last message of a request. After `hold_after` more answers it hangs, and once
    `held_at` requests hang, `held` is set. `asked` counts by last message what it was asked, `answered` what it
    answered. Each answer reports 100 tokens in and 10 out."""

    def __init__(self, reply: Callable[[str], str]) -> None:
        super().__init__()
        self.asked: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        self.held = threading.Event()
        self._reply = reply
        self._left: int | None = None
        self._told = threading.Condition()
        self._hang_until = self._hanging = 0

    def hold(self, after: int, held_at: int) -> None:
        """Fall silent after so many more answers; `held` is set once so many requests hang."""
        self.held.clear()
        self._hanging, self._hang_until, self._left = 0, held_at, after

    def go_on(self) -> None:
        """Answer everything from now on. What hangs, hangs."""
        self._left = None

    def reached(self, answers: int) -> None:
        """Wait, on another thread than the server's, until it has given so many answers in all."""
        with self._told:
            self._told.wait_for(lambda: self.answered.total() >= answers)

    def pick(self, heard: Heard) -> Answer:
        text = heard.turns[-1].text
        self.asked[text] += 1
        if self._left is not None:
            if self._left == 0:
                self._hanging += 1
                if self._hanging >= self._hang_until:
                    self.held.set()
                return Answer(fault="hang")
            self._left -= 1
        with self._told:
            self.answered[text] += 1
            self._told.notify_all()
        return Answer(text=self._reply(text), usage=Usage(input_tokens=100, output_tokens=10))
