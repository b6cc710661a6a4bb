"""Signatures, credentials and event-stream frames."""

import asyncio
import struct
import sys
from pathlib import Path

import pytest

from pilothouse import errors
from pilothouse.providers.aws import EventFrames, Signer, region_of
from pilothouse.testing.bedrock_server import frame
from pilothouse.types import Json

KEYS = {"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "secret"}
URL = "https://bedrock-runtime.eu-central-1.amazonaws.com/model/a%3A0/converse"


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without any AWS configuration, metadata service included."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


async def signed(options: Json) -> dict[str, str]:
    signer = Signer("aws", "bedrock", "eu-central-1", options)
    return dict(await signer.headers("POST", URL, b"{}", {"content-type": "application/json"}))


async def test_keys_of_the_configuration() -> None:
    headers = await signed({**KEYS, "aws_session_token": "token"})
    authorization = headers["Authorization"]
    assert authorization.startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
    assert "/eu-central-1/bedrock/aws4_request, " in authorization
    assert "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token" in authorization
    assert headers["X-Amz-Security-Token"] == "token"


async def test_keys_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDENVIRON")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    assert "Credential=AKIDENVIRON/" in (await signed({}))["Authorization"]


async def test_keys_of_a_profile(tmp_path: Path) -> None:
    text = "[work]\naws_access_key_id = AKIDPROFILE\naws_secret_access_key = secret\n"
    (tmp_path / "credentials").write_text(text)
    signer = Signer("aws", "bedrock", "eu-central-1", {"profile": "work"})
    got = await asyncio.gather(*(signer.headers("POST", URL, b"", {}) for _ in range(4)))
    assert all("Credential=AKIDPROFILE/" in headers["Authorization"] for headers in got)


@pytest.mark.parametrize("options", [{}, {"profile": "unheard of"}])
async def test_no_keys_at_all(options: Json) -> None:
    with pytest.raises(errors.ProviderAuth, match="'aws' has no AWS credentials") as caught:
        await signed(options)
    assert caught.value.provider == "aws"


def test_the_region(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(errors.ConfigError, match=r"providers\.aws\.options\.region"):
        region_of("aws", {})
    (tmp_path / "config").write_text("[default]\nregion = ap-south-1\n")
    assert region_of("aws", {}) == "ap-south-1"
    monkeypatch.setenv("AWS_REGION", "us-west-2")
    assert region_of("aws", {}) == "us-west-2"
    assert region_of("aws", {"region": "eu-west-1"}) == "eu-west-1"


def test_without_botocore(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "botocore", None)
    with pytest.raises(errors.MissingExtra, match=r"pilothouse\[bedrock\]"):
        Signer("aws", "bedrock", "eu-central-1", KEYS)
    with pytest.raises(errors.MissingExtra):
        region_of("aws", {})


def test_frames_cut_anywhere() -> None:
    raw = frame("messageStart", {"role": "assistant"}) + frame("throttlingException", {"message": "Größe"})
    wanted = [{"messageStart": {"role": "assistant"}}, {"throttlingException": {"message": "Größe"}}]
    for cut in range(len(raw) + 1):
        frames = EventFrames()
        assert frames.feed(raw[:cut]) + frames.feed(raw[cut:]) + frames.finish() == wanted


@pytest.mark.parametrize("at", [4, 9, 20, -6, -1])
def test_a_flipped_bit(at: int) -> None:
    raw = bytearray(frame("messageStop", {"stopReason": "end_turn"}))
    raw[at] ^= 1
    with pytest.raises(ValueError, match="a broken frame"):
        EventFrames().feed(bytes(raw) + b"\0" * 16)


def test_an_error_message_of_the_framing_itself() -> None:
    named = {":message-type": "error", ":error-code": "InternalFailure", ":error-message": "Oh."}
    headers = b"".join(
        struct.pack(f"!B{len(k)}sBH", len(k), k.encode(), 7, len(v)) + v.encode() for k, v in named.items()
    )
    assert EventFrames().feed(_message(headers)) == [{"error": {"code": "InternalFailure", "message": "Oh."}}]


def _message(headers: bytes) -> bytes:
    import binascii

    prelude = struct.pack("!II", 16 + len(headers), len(headers))
    body = prelude + struct.pack("!I", binascii.crc32(prelude)) + headers
    return body + struct.pack("!I", binascii.crc32(body))
