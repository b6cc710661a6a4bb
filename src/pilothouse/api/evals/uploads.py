"""Files that arrive as the body of a request, in a temporary file while they are read.

The bound of bodies, and of unpacked ones, is that of the whole API.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import Request
from starlette.requests import ClientDisconnect

from pilothouse.errors import Cancelled, InvalidRequest
from pilothouse.evals.datasets.files import Format

__all__ = ["given_file"]

_BY_TYPE: dict[str, Format] = {
    "application/jsonl": "jsonl", "application/x-ndjson": "jsonl", "application/x-jsonlines": "jsonl",
    "application/json": "json", "text/csv": "csv", "application/vnd.apache.parquet": "parquet",
    "application/x-parquet": "parquet",
}  # fmt: skip


@asynccontextmanager
async def given_file(request: Request, kind: Format | None) -> AsyncIterator[tuple[Path, Format]]:
    """The body as a file, and its format: `kind`, else what the content-type says. Gone at the end.

    Errors name the file `body`. Raises InvalidRequest, Cancelled where the client left before the end.
    """
    form = kind or _BY_TYPE.get(request.headers.get("content-type", "").partition(";")[0].strip().lower())
    if form is None:
        raise InvalidRequest(
            "Say what the body is, by ?format=jsonl, json, csv or parquet or by its content-type.", param="format"
        )
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise InvalidRequest("A file is taken as it is: send it without a content-encoding.", param="content-encoding")
    with tempfile.TemporaryDirectory(prefix="pilothouse-") as folder:
        path = Path(folder) / "body"
        with path.open("wb") as file:
            try:
                async for chunk in request.stream():
                    await asyncio.to_thread(file.write, chunk)
            except ClientDisconnect:
                raise Cancelled("The client left before the whole file was there.") from None
        yield path, form
