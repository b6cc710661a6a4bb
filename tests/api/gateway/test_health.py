"""How a process tells of itself."""

import os

import pytest
from fastapi.testclient import TestClient

from pilothouse.access import Keys
from pilothouse.api.gateway.health import routes
from pilothouse.api.management import management
from pilothouse.config import Resilience
from pilothouse.errors import ProviderUnavailable
from pilothouse.gateway.reliability.health import Health
from pilothouse.principal import Role


@pytest.mark.parametrize(("role", "status"), [("viewer", 200), ("caller", 403)])
def test_what_a_process_tells_of_itself(keyring: Keys, role: Role, status: int) -> None:
    health = Health()
    for _ in range(5):
        health.of("a/x").failed(ProviderUnavailable("down"), health.clock(), Resilience())
    process = f"here/{os.getpid()}"
    router = routes(health, process, several=True, trouble=lambda: "Redis is away.", problem=lambda: None)
    with TestClient(management([router], keyring, 1000)) as client:
        secret, _ = keyring.create("k", role)
        answer = client.get("/api/health", headers={"authorization": f"Bearer {secret}"})
    assert answer.status_code == status
    if status == 200:
        told = answer.json()
        assert (told["process"], told["several"], told["trouble"]) == (process, True, "Redis is away.")
        (deployment,) = told["deployments"]
        assert (deployment["id"], deployment["breaker"], deployment["failures"]) == ("a/x", "open", 5)
