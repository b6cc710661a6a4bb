"""What the store may know of a span, seen to before anything of it is written. Knows nothing of spools."""

from collections.abc import Mapping
from typing import Any
from zlib import crc32

import msgspec

from pilothouse.call import Span
from pilothouse.observe.depth import DEEPEST, TOO_DEEP
from pilothouse.observe.metrics import Metrics
from pilothouse.observe.privacy.redaction import OwnPatterns, Redaction
from pilothouse.privacy import PrivacyConfig, ProjectPrivacy
from pilothouse.storage.payloads import Packer

__all__ = ["Discretion", "Policies", "tame"]

_LARGEST = 2**63 - 1


class _Policy:
    """What is kept of one project's spans."""

    def __init__(self, privacy: ProjectPrivacy, where: str) -> None:
        self.patterns = OwnPatterns(privacy.patterns, f"{where}patterns") if privacy.patterns else None
        self.redaction = Redaction(privacy.redact, self.patterns) if privacy.redact or self.patterns else None
        self._share = privacy.payloads

    @property
    def keeps_all(self) -> bool:
        return self.redaction is None and self._share == 1.0

    def keeps_payload(self, trace_id: str) -> bool:
        """The same for all spans of a trace, in every process."""
        return self._share == 1.0 or crc32(trace_id.encode("utf-8", "replace")) < self._share * 2**32


Policies = Mapping[str | None, _Policy]
"""By project; the one of None is everybody else's."""


class Discretion:
    """Turns a finished span into the one that may be written; the span itself, which others may still read, stays.

    What a policy names is redacted, payloads that are not to be kept are dropped. With a key, input and output leave
    sealed to their place, so that they are readable nowhere on the disk. Not redacted: ids of users and sessions, by
    which traces are found.
    """

    def __init__(self, packer: Packer, metrics: Metrics | None = None) -> None:
        self._packer = packer
        self._policies: Policies = {}
        if metrics is not None:
            slow = "Texts not kept since a pattern of the redaction took too long."
            metrics.pull("counter", "pilothouse_redaction_timeouts", slow, lambda: self.timeouts)

    def prepared(self, privacy: PrivacyConfig) -> Policies:
        """The policies of a configuration, for `adopt`. Raises ConfigError, MissingExtra."""
        made: dict[str | None, _Policy] = {None: _Policy(privacy, "privacy.")}
        made |= {name: _Policy(own, f"privacy.projects.{name}.") for name, own in privacy.projects.items()}
        return {} if all(policy.keeps_all for policy in made.values()) else made

    def adopt(self, policies: Policies) -> None:
        """Follow these from now on."""
        self._policies = policies

    @property
    def needed(self) -> bool:
        """Whether it has anything to do."""
        return self._packer.keyring is not None or bool(self._policies)

    @property
    def timeouts(self) -> int:
        """How many texts were not kept because a pattern took too long."""
        return sum(policy.patterns.timeouts for policy in self._policies.values() if policy.patterns is not None)

    def __call__(self, span: Span) -> Span:
        if self._policies:
            policy = self._policies.get(span.project_id) or self._policies[None]
            if not policy.keeps_all:
                span = _discreet(span, policy)
        if span.body is None and self._packer.keyring is not None:
            span = self._sealed(span)
        return span

    def _sealed(self, span: Span) -> Span:
        if span.input is None and span.output is None:
            return span
        body, place = {"input": span.input, "output": span.output}, (span.project_id, span.trace_id, span.id)
        try:
            packed = self._packer.pack(body, *place)
        except (OverflowError, TypeError, ValueError, RecursionError):
            packed = self._packer.pack(tame(body), *tame(place))
        return msgspec.structs.replace(span, input=None, output=None, body=packed)


def _discreet(span: Span, policy: _Policy) -> Span:
    asked, answered = (span.input, span.output) if policy.keeps_payload(span.trace_id) else (None, None)
    redaction = policy.redaction
    if redaction is None:
        return msgspec.structs.replace(span, input=asked, output=answered)
    value, text = redaction.value, redaction.text
    return msgspec.structs.replace(
        span, input=value(asked), output=value(answered), name=text(span.name), attributes=value(span.attributes),
        error_message=span.error_message and text(span.error_message), tags=value(span.tags),
    )  # fmt: skip


def tame(value: Any, depth: int = 0) -> Any:
    """`value` without what neither msgpack nor JSON can say: huge integers, lone surrogates, foreign objects, depth."""
    if value is None or isinstance(value, bool | float | bytes):
        return value
    if isinstance(value, int):
        return max(-_LARGEST, min(_LARGEST, value))
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if depth >= DEEPEST and isinstance(value, dict | list | tuple):
        return TOO_DEEP
    if isinstance(value, dict):
        return {str(tame(key)): tame(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [tame(item, depth + 1) for item in value]
    return repr(value)
