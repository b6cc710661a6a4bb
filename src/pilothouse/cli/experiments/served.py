"""The experiments of a server, as commands ask about them."""

import re
from collections.abc import Sequence
from urllib.parse import quote

from pilothouse.cli.asking import Asking
from pilothouse.errors import NotFound
from pilothouse.types import Json

__all__ = ["Served"]

_REFERENCE = re.compile("[a-z0-9][a-z0-9_.-]*")  # others would be other paths


class Served(Asking):
    """A Desk over HTTP."""

    def list(self, *, status: str | None, limit: int) -> Sequence[Json]:
        found: Sequence[Json] = self._ask("GET", "/api/experiments", query={"status": status, "limit": limit})["data"]
        return found

    def create(self, design: Json, *, start: bool) -> Json:
        made: Json = self._ask("POST", "/api/experiments", design, {"start": start})
        return made

    def show(self, name: str, *, now: bool) -> Json:
        return self._of("POST", name, "/look") if now else self._of("GET", name)

    def start(self, name: str, *, force: bool, reason: str) -> Json:
        return self._of("POST", name, "/start", {"force": force, "reason": reason})

    def stop(self, name: str, *, reason: str) -> Json:
        return self._of("POST", name, "/stop", {"reason": reason})

    def decide(self, name: str, *, arm: str, reason: str) -> Json:
        return self._of("POST", name, "/decide", {"arm": arm, "reason": reason})

    def _of(self, method: str, name: str, tail: str = "", body: Json | None = None) -> Json:
        if _REFERENCE.fullmatch(name) is None:
            raise NotFound(f"There is no experiment '{name[:64]}' in this project.", param="experiment")
        told: Json = self._ask(method, f"/api/experiments/{quote(name, safe='')}{tail}", body)
        return told
