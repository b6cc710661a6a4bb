"""A problem that goes on, such as a database that is away: logged when it is new, not at each attempt.

Knows nothing of what the problem is.
"""

import logging

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
        if told not in self._told and len(self._told) < _MOST:
            self._told.add(told)
            self._logger.warning("%s", told)

    def over(self) -> None:
        """All is well again. Whatever comes next is new. Costs nothing where nothing was wrong."""
        if self._told:
            self._told = set()
