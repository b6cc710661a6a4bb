"""Clients that hang up: the upstream is let go of, and the call costs what was read and produced."""

import http.client
import socket

import pytest

from .conftest import INPUT, OUTPUT
from .raw import RawUpstream
from .running import Up, chat_body

PATH = "/v1/chat/completions"
SETTINGS = {"budgets": [{"period": "total", "usd": 1}], "limits": {"parallel": 1}}


def hang_up(connection: http.client.HTTPConnection, response: http.client.HTTPResponse | None = None) -> None:
    assert connection.sock is not None or response is not None
    if connection.sock is not None:
        connection.sock.shutdown(socket.SHUT_RDWR)
    if response is not None:
        response.close()
    connection.close()


@pytest.mark.parametrize("stream", [False, True])
def test_before_the_answer(up: Up, raw: RawUpstream, stream: bool) -> None:
    secret, key_id = up.new_key("app", **SETTINGS)
    connection = up.connect()
    up.begin(connection, "POST", PATH, chat_body("hang-patient", stream), key=secret)
    assert raw.arrived("hang-patient")
    hang_up(connection)
    assert raw.gone("hang-patient")
    (entry,) = up.entries(key_id, 1)
    assert entry["estimated"]
    assert (entry["input_tokens"], entry["output_tokens"], entry["nano"]) == (6, 0, 6 * INPUT)  # the provider reads it
    assert up.budget(key_id)["held_nano"] == 0
    assert up.chat("good", key=secret).status == 200  # its one place is free


def test_in_the_middle_of_a_stream(up: Up, raw: RawUpstream) -> None:
    secret, key_id = up.new_key("app", **SETTINGS)
    connection = up.connect()
    up.begin(connection, "POST", PATH, chat_body("stall-patient", True), key=secret)
    response = connection.getresponse()
    said = b""
    while b"four" not in said:
        said += response.read1(4096)
    hang_up(connection, response)
    assert raw.gone("stall-patient")
    (entry,) = up.entries(key_id, 1)
    assert entry["estimated"]
    assert entry["output_tokens"] >= 4
    assert entry["nano"] == entry["input_tokens"] * INPUT + entry["output_tokens"] * OUTPUT
    assert up.budget(key_id)["nano"] == entry["nano"]
    assert up.budget(key_id)["held_nano"] == 0
    assert up.chat("good", key=secret).status == 200


def test_in_the_middle_of_its_own_request(up: Up) -> None:
    """A client that leaves before its body has arrived has asked nothing."""
    secret, key_id = up.new_key("app", **SETTINGS)
    connection = up.connect()
    connection.putrequest("POST", PATH)
    for name, value in (("authorization", f"Bearer {secret}"), ("content-length", "1000")):
        connection.putheader(name, value)
    connection.endheaders(b'{"model": "good", ')
    hang_up(connection)
    assert up.chat("good", key=secret).status == 200
    assert len(up.entries(key_id, 1)) == 1
