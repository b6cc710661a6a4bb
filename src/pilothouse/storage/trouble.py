"""A problem that goes on, such as a database that is away: logged when it is new, not at each attempt.

Knows nothing of what the problem is.
"""

import logging
import traceback

__all__ = ["Trouble"]

_MOST = 50


class Trouble:
    """Warns of each problem once until it is `over`; of at most fifty, however many words it finds. From any thread."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._told: set[str] = set()

    def note(self, text: str, *values: object) -> None:
        """It is there, or still is. `text` and `values` are as those of `Logger.warning`."""
        told = text % values
        if self._is_new(told):
            self._logger.warning("%s", told)

    def is_new(self, error: BaseException) -> bool:
        """Whether no error of its kind, raised at the same place, came before: for one that nobody expected, which is
        told with its traceback. It counts as told then."""
        at = traceback.extract_tb(error.__traceback__)[-1:]
        return self._is_new(f"{type(error).__name__} {at}")

    def over(self) -> None:
        """All is well again. Whatever comes next is new. Costs nothing where nothing was wrong."""
        if self._told:
            self._told = set()

    def _is_new(self, told: str) -> bool:
        if told in self._told or len(self._told) >= _MOST:
            return False
        self._told.add(told)
        return True
