"""`/v1/files` by the official `openai` client and by hostile ones, over real HTTP, on either database."""

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import openai
import pytest
from sqlalchemy import text

from pilothouse.testing.anthropic_server import AnthropicServer
from pilothouse.testing.openai_server import OpenAIServer

from .batching import House, serving

LIMIT = 3_000_000
KIND = "multipart/form-data; boundary=b"


@pytest.fixture
async def house(settings: Any, models_dir: Path) -> AsyncIterator[House]:
    limited = f"batch: {{max_file_bytes: {LIMIT}}}"
    async with (
        OpenAIServer() as upstream,
        AnthropicServer() as claude,
        serving(settings, models_dir, upstream, claude, limited) as house,
    ):
        yield house


@pytest.fixture
async def http(house: House) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(house.address, headers={"authorization": f"Bearer {house.key}"}) as session:
        yield session


async def test_upload_get_content_delete(house: House) -> None:
    content = bytes(range(256)) * 10_000
    file = await house.client.files.create(file=("dätä.bin", content), purpose="user_data")
    assert (file.bytes, file.filename, file.purpose, file.status) == (
        len(content),
        "dätä.bin",
        "user_data",
        "processed",
    )
    assert file.expires_at is None
    assert await house.client.files.retrieve(file.id) == file
    assert (await house.client.files.content(file.id)).content == content
    assert [one.id async for one in house.client.files.list()] == [file.id]
    assert (await house.client.files.delete(file.id)).deleted
    with pytest.raises(openai.NotFoundError):
        await house.client.files.content(file.id)
    assert [one.id async for one in house.client.files.list()] == []


async def test_an_empty_file(house: House) -> None:
    file = await house.client.files.create(file=("empty", b""), purpose="user_data")
    assert file.bytes == 0
    assert (await house.client.files.content(file.id)).content == b""


async def test_how_long_a_file_is_kept(house: House) -> None:
    batch = await house.client.files.create(file=("a", b"x"), purpose="batch")
    assert batch.expires_at == batch.created_at + 30 * 86_400
    soon = await house.client.files.create(
        file=("a", b"x"), purpose="vision", expires_after={"anchor": "created_at", "seconds": 3600}
    )
    assert soon.expires_at == soon.created_at + 3600
    for seconds in (5, 10**9):
        with pytest.raises(openai.BadRequestError, match="expires_after"):
            await house.client.files.create(
                file=("a", b"x"), purpose="vision", expires_after={"anchor": "created_at", "seconds": seconds}
            )


async def test_a_file_above_the_limit_is_refused_and_leaves_nothing(house: House, http: aiohttp.ClientSession) -> None:
    exact = await house.client.files.create(file=("a", b"x" * LIMIT), purpose="batch")
    assert exact.bytes == LIMIT
    for size in (LIMIT + 1, 40 * LIMIT):
        form = aiohttp.FormData({"purpose": "batch"})
        form.add_field("file", io.BytesIO(b"x" * size), filename="huge")
        async with http.post("/v1/files", data=form) as response:
            assert response.status == 413
            assert (await response.json())["error"]["code"] == "request_too_large"
    assert left_over(house) == 1
    assert len([one async for one in house.client.files.list()]) == 1


@pytest.mark.parametrize(
    ("body", "kind", "why"),
    [
        (b'{"a": 1}', "application/json", "multipart/form-data"),
        (b"--b\r\n", "multipart/form-data", "boundary"),
        (b"--other\r\n\r\n", KIND, "closing boundary"),
        (b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\ncut off', KIND,
         "closing boundary"),
        (b'--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n--b--', KIND,
         "no 'file'"),
        (b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\nx\r\n--b--', KIND,
         "'purpose'"),
        (b'--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\n' + b"p" * 9000 + b"\r\n--b--",
         KIND, "longer than"),
        (b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\nx\r\n' * 2 + b"--b--",
         KIND, "one 'file'"),
    ],
)  # fmt: skip
@pytest.mark.asyncio(loop_scope="module")
async def test_forms_that_cannot_be_read(standing: House, body: bytes, kind: str, why: str) -> None:
    headers = {"authorization": f"Bearer {standing.key}", "content-type": kind}
    async with (
        aiohttp.ClientSession(standing.address, headers=headers) as http,
        http.post("/v1/files", data=body) as response,
    ):
        assert response.status == 400
        assert why in (await response.json())["error"]["message"]
    assert left_over(standing) == 0


async def test_a_client_that_leaves_in_the_middle_leaves_nothing(house: House) -> None:
    host, _, port = house.address.removeprefix("http://").partition(":")
    _, writer = await asyncio.open_connection(host, int(port))
    head = (
        f"POST /v1/files HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {house.key}\r\ncontent-length: 2500000\r\n"
        "content-type: multipart/form-data; boundary=b\r\n\r\n--b\r\ncontent-disposition: form-data; name=file\r\n\r\n"
    )
    writer.write(head.encode() + b"x" * 2_000_000)
    await writer.drain()
    await until_left(house, 1)
    writer.close()
    await until_left(house, 0)


async def test_a_slow_upload_is_taken_whole(house: House, http: aiohttp.ClientSession) -> None:
    """Longer on its way than it takes to begin watching for a client that leaves."""

    async def slowly() -> AsyncIterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n--b\r\n'
        yield b'Content-Disposition: form-data; name="file"; filename="f"\r\n\r\n'
        for number in range(20):
            await asyncio.sleep(0.01)
            yield b"%06d" % number * 10_000
        yield b"\r\n--b--\r\n"

    kind = {"content-type": KIND}
    async with http.post("/v1/files", data=slowly(), headers=kind) as response:
        assert response.status == 200
        file = await response.json()
    content = (await house.client.files.content(file["id"])).content
    assert content == b"".join(b"%06d" % number * 10_000 for number in range(20))


async def test_what_is_no_number_or_order_is_refused(house: House, http: aiohttp.ClientSession) -> None:
    for query in ("limit=0", "limit=x", "limit=99999999999", "limit=-1", "order=up"):
        async with http.get(f"/v1/files?{query}") as response:
            assert response.status == 400


async def until_left(house: House, number: int) -> None:
    """Ask again, as another client would, until so many files have left anything."""
    async with asyncio.timeout(30):
        while left_over(house) != number:
            await house.client.files.list()


def left_over(house: House) -> int:
    """Files of which there is anything in the database."""
    with house.platform.store.control.connect() as connection:
        rows = connection.execute(text("SELECT file_id FROM file_parts UNION SELECT id FROM files")).all()
    return len(rows)
