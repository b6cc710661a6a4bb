"""A server for commands, which is the API in this process."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from pilothouse import client as clients
from pilothouse.access import Keys
from pilothouse.access.shapes import KeySettings
from pilothouse.api.management import management
from pilothouse.api.prompts import versions as api
from pilothouse.prompts.registry import Prompts
from pilothouse.storage import Store

__all__ = ["serve"]


def serve(monkeypatch: pytest.MonkeyPatch, store: Store, registry: Prompts) -> None:
    """Whatever URL a command names is this registry, asked with the key of an editor."""

    class Served(clients.Client):
        def __init__(self, url: str, key: str | None) -> None:
            super().__init__(url, key)
            keys = Keys(store.control)
            secret, _ = keys.create("ci", "editor", KeySettings(project_id="default"))
            app = management([api.request_routes(registry), api.routes(registry)], keys, 1_000_000)
            self._test = TestClient(app, headers={"authorization": f"Bearer {secret}"})

        def request(self, method: str, path: str, body: Any = None, *, timeout: float | None = None) -> Any:
            answer = self._test.request(method, path, json=body)
            if answer.status_code >= 400:
                raise clients._error(answer.status_code, answer.json())
            return answer.json()

    monkeypatch.setattr(clients, "Client", Served)
