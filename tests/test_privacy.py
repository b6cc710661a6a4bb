"""The configuration of what is kept: its kinds are those that the code knows, and a wrong one is named."""

import pytest

from pilothouse.errors import ConfigError
from pilothouse.pii.kinds import KINDS
from pilothouse.privacy import PERSONAL
from pilothouse.snapshot import config_of


def test_the_kinds_are_those_that_are_found() -> None:
    assert tuple(KINDS) == PERSONAL
    assert config_of({"privacy": {"redact": ["national_id"]}}).privacy.redact == ["national_id"]


def test_a_kind_that_is_not_known_is_named_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"privacy\.redact: .*'emails'.*did you mean 'email'\?"):
        config_of({"privacy": {"redact": ["emails"]}})
    with pytest.raises(ConfigError, match=r"privacy\.projects\.hr\.payloads"):
        config_of({"privacy": {"projects": {"hr": {"payloads": 2}}}})


def test_everything_is_kept_as_it_is_unless_asked_for_otherwise() -> None:
    privacy = config_of({}).privacy
    assert (privacy.redact, privacy.patterns, privacy.payloads, privacy.projects) == ([], {}, 1.0, {})


def test_what_is_kept_longer_than_what_it_hangs_on_is_refused() -> None:
    for given in ({"payloads": 100}, {"payloads": 0}, {"spans": 0}, {"rollups": 80}):
        with pytest.raises(ConfigError, match="payloads cannot be kept longer than spans, nor spans than rollups"):
            config_of({"retention": given})
    kept = config_of({"retention": {"payloads": 0, "spans": 0, "rollups": 0}}).retention
    assert (kept.payloads, kept.spans, kept.rollups) == (0, 0, 0)
