from pathlib import Path

import pytest

from pilothouse.errors import ConfigError
from pilothouse.settings import Settings, unknown_variables


def test_defaults_need_no_environment() -> None:
    settings = Settings.from_env({})
    assert settings.home == Path(".pilothouse")
    assert settings.port == 8484
    assert settings.control_url() == "sqlite:///.pilothouse/control.db"
    assert settings.observe_url() != settings.control_url()
    assert settings.models_dir == Path(".pilothouse/models")


def test_the_environment_is_read_and_the_command_line_wins() -> None:
    env = {"PILOTHOUSE_PORT": "9000", "PILOTHOUSE_HOME": "/srv/ph", "PILOTHOUSE_CAPTURE_PAYLOADS": "off"}
    settings = Settings.from_env(env, port=1234, host=None)
    assert settings.port == 1234
    assert settings.home == Path("/srv/ph")
    assert settings.capture_payloads is False
    assert settings.host == "127.0.0.1"


def test_postgres_holds_both_stores() -> None:
    settings = Settings.from_env({"PILOTHOUSE_DATABASE_URL": "postgresql://db/ph"})
    assert settings.control_url() == settings.observe_url() == "postgresql://db/ph"


def test_proxies_are_networks_also_of_ipv4_inside_ipv6() -> None:
    settings = Settings.from_env({"PILOTHOUSE_TRUSTED_PROXIES": "10.0.0.0/8, ::ffff:172.16.0.0/108,::1"})
    assert [str(network) for network in settings.trusted_proxies] == ["10.0.0.0/8", "172.16.0.0/12", "::1/128"]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PILOTHOUSE_PORT", "eighty"),
        ("PILOTHOUSE_PORT", "70000"),
        ("PILOTHOUSE_PORT", "-1"),
        ("PILOTHOUSE_MAX_BODY_BYTES", "0"),
        ("PILOTHOUSE_REQUEST_TIMEOUT", "nan"),
        ("PILOTHOUSE_REQUEST_TIMEOUT", "inf"),
        ("PILOTHOUSE_SHUTDOWN_GRACE", "-3"),
        ("PILOTHOUSE_SPOOL_MAX_BYTES", "1000"),
        ("PILOTHOUSE_CAPTURE_PAYLOADS", "maybe"),
        ("PILOTHOUSE_SPOOL_FULL", "explode"),
    ],
)
def test_a_value_that_cannot_be_read_names_its_variable(variable: str, value: str) -> None:
    with pytest.raises(ConfigError, match=f"{variable}.*{value}"):
        Settings.from_env({variable: value})


def test_a_variable_that_nothing_reads_is_told_with_the_nearest() -> None:
    env = {"PILOTHOUSE_HOM": "x", "PILOTHOUSE_PORT": "1", "PILOTHOUSE_URL": "u", "PATH": "/bin"}
    assert unknown_variables(env) == ["PILOTHOUSE_HOM: nothing reads it; did you mean PILOTHOUSE_HOME?"]
