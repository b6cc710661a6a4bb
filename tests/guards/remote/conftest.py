import pytest


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """The keys that the guards' options refer to, and no waiting between attempts."""
    for name in ("OPENAI_API_KEY", "PERSPECTIVE_API_KEY", "LAKERA_API_KEY"):
        monkeypatch.setenv(name, "secret-of-tests")
    monkeypatch.setattr("pilothouse.guards.remote.service._PAUSE", 0.0)
