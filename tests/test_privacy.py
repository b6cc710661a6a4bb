"""The configuration of what is kept: its kinds are those that the code knows, and a wrong one is named."""

import pytest

from pilothouse.errors import ConfigError
from pilothouse.observe.personal import KINDS
from pilothouse.privacy import PERSONAL
from pilothouse.snapshot import config_of


def test_the_kinds_are_those_that_are_found() -> None:
    assert PERSONAL == KINDS


def test_a_kind_that_is_not_known_is_named_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"privacy\.redact: .*'emails'.*did you mean 'email'\?"):
        config_of({"privacy": {"redact": ["emails"]}})
    with pytest.raises(ConfigError, match=r"privacy\.projects\.hr\.payloads"):
        config_of({"privacy": {"projects": {"hr": {"payloads": 2}}}})


def test_everything_is_kept_as_it_is_unless_asked_for_otherwise() -> None:
    privacy = config_of({}).privacy
    assert (privacy.redact, privacy.patterns, privacy.payloads, privacy.projects) == ([], {}, 1.0, {})
