import signal
import socket
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from pilothouse.app import build
from pilothouse.cli import workers
from pilothouse.cli.context import Context
from pilothouse.cli.up import up
from pilothouse.cli.workers import claim, keep_running
from pilothouse.errors import ConfigError
from pilothouse.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", config=tmp_path / "none.yaml", shutdown_grace=1)


def test_a_port_is_kept_for_those_who_share_it() -> None:
    with claim("127.0.0.1", 0) as port:
        with socket.create_server(("127.0.0.1", port), reuse_port=True):
            pass
        with pytest.raises(ConfigError, match=f"Cannot listen on 127.0.0.1:{port}"), claim("127.0.0.1", port):
            pass


def worker(then: str) -> list[str]:
    return [sys.executable, "-c", f"import os, signal, sys\nfrom pilothouse.cli.workers import report\n{then}"]


def test_those_who_never_listen_are_given_up(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(workers, "_PAUSE", 0.0)
    begun: list[int] = []
    commands = [worker("sys.exit(3)"), worker("report(); signal.pause()")]
    assert keep_running(commands, settings, lambda: begun.append(1)) == 1
    told = capsys.readouterr().err
    assert (told.count("ended (3); another takes its place"), told.count("giving up")) == (2, 1)
    assert not begun


def test_told_to_stop_it_stops_those_that_it_began(settings: Settings, tmp_path: Path) -> None:
    """Once they listen; that they were told in turn is seen by the files."""
    files = [tmp_path / "one", tmp_path / "two"]
    end = (
        "signal.signal(signal.SIGTERM, lambda *_: open({!r}, 'w').write(os.environ['PILOTHOUSE_HOME']) and sys.exit())"
    )
    commands = [worker(f"{end.format(str(file))}\nreport()\nwhile True: signal.pause()") for file in files]
    before = signal.getsignal(signal.SIGTERM)
    assert keep_running(commands, settings, lambda: signal.raise_signal(signal.SIGTERM)) == 0
    assert [file.read_text() for file in files] == [str(settings.home)] * 2
    assert signal.getsignal(signal.SIGTERM) is before


def test_several_workers_need_a_redis(settings: Settings) -> None:
    error = CliRunner().invoke(up, ["--workers", "2"], obj=Context(settings, build), standalone_mode=False).exception
    assert "set PILOTHOUSE_REDIS_URL, or start one worker" in str(error)
