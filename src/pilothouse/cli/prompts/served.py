"""The registry of a server, as commands ask it."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import quote

from pilothouse.cli.asking import Asking
from pilothouse.errors import PilothouseError
from pilothouse.prompts.versions import check_label, check_name
from pilothouse.types import Json

__all__ = ["Served"]

_POLL_SECONDS = 0.5


class Served(Asking):
    """A Desk over HTTP."""

    def list(self, **query: Any) -> Json:
        found: Json = self._ask("GET", "/api/prompts", query=query)
        return found

    def prompt(self, name: str) -> Json:
        return self._of("GET", name)

    def version(self, name: str, number: int) -> Json:
        return self._of("GET", name, f"/versions/{number}")

    def labelled(self, name: str, label: str) -> Json:
        about = self.prompt(name)
        number = about["labels"].get(label)
        if number is None or about["archived_us"] is not None:
            return self.resolved(name, label=label)  # which says why there is none
        return self.version(name, number)

    def resolved(self, name: str, *, version: int | None = None, label: str | None = None) -> Json:
        return self._of("GET", name, "/resolved", query={"version": version, "label": label})

    def versions(self, name: str, *, limit: int, before: int | None) -> Sequence[Json]:
        return self._data("GET", name, "/versions", {"limit": limit, "before": before})

    def create(self, *, name: str, content: Json, labels: Sequence[str], message: str, parent: int | None) -> Json:
        body = {"name": name, "content": content, "labels": [*labels], "message": message, "parent": parent}
        made: Json = self._ask("POST", "/api/prompts", body)
        return made

    def describe(self, name: str, **changes: Any) -> Json:
        return self._of("PATCH", name, body=changes)

    def archive(self, name: str, *, archived: bool) -> Json:
        return self._of("PATCH", name, body={"archived": archived})

    def promote(self, name: str, label: str, *, version: int, reason: str, force: bool, expected: int | None) -> Json:
        body = {"version": version, "reason": reason, "force": force, "expected": expected}
        return self._of("PUT", name, f"/labels/{quote(check_label(label), safe='')}", body)

    def unlabel(self, name: str, label: str, *, reason: str) -> Json:
        return self._of("DELETE", name, f"/labels/{quote(check_label(label), safe='')}", query={"reason": reason})

    def rollback(self, name: str, *, label: str, reason: str, expected: int | None) -> Json:
        return self._of("POST", name, "/rollback", {"label": label, "reason": reason, "expected": expected})

    def history(self, name: str, **query: Any) -> Sequence[Json]:
        return self._data("GET", name, "/history", query)

    def requests(self, *, prompt: str | None, status: str, limit: int, before: str | None) -> Sequence[Json]:
        query = {"prompt": prompt, "status": status, "limit": limit, "before": before}
        found: Sequence[Json] = self._ask("GET", "/api/prompt-requests", query=query)["data"]
        return found

    def approve(self, request: str, *, note: str) -> Json:
        return self._decided(request, "approve", note)

    def reject(self, request: str, *, note: str) -> Json:
        return self._decided(request, "reject", note)

    def verdicts(self, name: str, *, version: int | None, limit: int) -> Sequence[Json]:
        return self._data("GET", name, "/verdicts", {"version": version, "limit": limit})

    def watched(self, name: str) -> Sequence[Json]:
        return self._data("GET", name, "/watch")

    def usage(self, name: str, *, period: str, label: str | None) -> Sequence[Json]:
        told = self._of("GET", name, "/usage", query={"period": period, "label": label})
        found: Sequence[Json] = told["versions"]
        return found

    def evaluate(self, name: str, body: Json, heard: Callable[[int, int, str], object]) -> Json:
        """The verdict over a version, once the server's job has ended. `heard` is told of outcomes done, of how many
        there will be, and what they cost so far. Whoever interrupts it stops the job. Raises
        PilothouseError where it failed."""
        return self._followed(self._of("POST", name, "/evaluate", body), f"The evaluation of '{name}'", heard)

    def optimize(self, name: str, body: Json, heard: Callable[[int, int, str], object]) -> Json:
        """What a search for a better version came to, followed as an evaluation is."""
        return self._followed(self._of("POST", name, "/optimize", body), f"The search over '{name}'", heard)

    def _followed(self, job: Json, what: str, heard: Callable[[int, int, str], object]) -> Json:
        try:
            while job["status"] in ("queued", "running"):
                time.sleep(_POLL_SECONDS)
                job = self._ask("GET", f"/api/jobs/{job['id']}")
                if job["total"]:
                    heard(job["done"], job["total"], job["note"])
        except KeyboardInterrupt:
            with suppress(PilothouseError):
                self._ask("POST", f"/api/jobs/{job['id']}/cancel")
            raise
        if job["status"] != "done":
            raise PilothouseError(f"{what} {job['status']}: {job['error'] or 'no reason given'}")
        told: Json = job["result"]
        return told

    def _of(self, method: str, name: str, tail: str = "", body: Json | None = None, query: Json | None = None) -> Json:
        told: Json = self._ask(method, f"/api/prompts/{quote(check_name(name), safe='')}{tail}", body, query)
        return told

    def _data(self, method: str, name: str, tail: str, query: Json | None = None) -> Sequence[Json]:
        found: Sequence[Json] = self._of(method, name, tail, query=query)["data"]
        return found

    def _decided(self, request: str, how: str, note: str) -> Json:
        done: Json = self._ask("POST", f"/api/prompt-requests/{quote(request, safe='')}/{how}", {"note": note})
        return done
