"""`pilothouse payloads`: a key, and sealing anew with it."""

from pathlib import Path

from click.testing import CliRunner, Result

from pilothouse.cli.context import Context
from pilothouse.cli.payloads import payloads
from pilothouse.settings import Settings
from pilothouse.storage import open_store
from pilothouse.storage.keyring import Keyring
from pilothouse.storage.tables import insert_new
from pilothouse.storage.tables import payloads as table

PLACE = {"project_id": "default", "trace_id": "t", "span_id": "s"}


def run(settings: Settings, *arguments: str) -> Result:
    def build(*_: object, **__: object) -> None:
        raise AssertionError("no platform is needed")

    return CliRunner().invoke(payloads, arguments, obj=Context(settings, build))  # type: ignore[arg-type]


def key() -> str:
    return run(Settings(), "key").output.strip()


def keep(settings: Settings) -> None:
    store = open_store(settings)
    with store.observe.begin() as connection:
        row = {**PLACE, "body": store.packer.pack({"input": "asked"}, *PLACE.values())}
        connection.execute(insert_new(connection, table), row)
    store.close()


def test_a_key_is_new_each_time_and_fit_to_be_set() -> None:
    one, other = key(), key()
    assert one != other
    assert Keyring.of(f"{one},{other}") is not None


def test_rotation_seals_what_there_is(tmp_path: Path) -> None:
    keep(Settings(home=tmp_path))
    settings = Settings(home=tmp_path, payload_key=key())
    assert run(settings, "rotate").stdout == "1 sealed with the newest key.\n"
    assert run(settings, "rotate").stdout == "0 sealed with the newest key.\n"


def test_what_cannot_be_opened_is_an_error_that_says_so(tmp_path: Path) -> None:
    keep(Settings(home=tmp_path, payload_key=key()))
    result = run(Settings(home=tmp_path, payload_key=key()), "rotate")
    assert result.exit_code == 1
    assert "1 could not be opened with any key of PILOTHOUSE_PAYLOAD_KEY" in result.output
