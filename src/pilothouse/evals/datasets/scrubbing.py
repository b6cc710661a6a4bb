"""Personal data out of items, by the forms and patterns that redact traces. Knows nothing of databases.

Names of people have no form and are not found. A key of the metadata is redacted like its value.
"""

from dataclasses import replace

from pilothouse.observe.privacy.redaction import OwnPatterns, Redaction
from pilothouse.privacy import ProjectPrivacy
from pilothouse.storage.evaluating.dataset_items import NewItem

__all__ = ["redaction_of", "scrubbed"]


def redaction_of(privacy: ProjectPrivacy, where: str = "privacy.patterns") -> Redaction:
    """What `redact` and `patterns` of a policy do; `where` names these in errors. Raises ConfigError, and MissingExtra
    where `regex` is not there."""
    patterns = OwnPatterns(privacy.patterns, where) if privacy.patterns else None
    return Redaction(privacy.redact, patterns)


def scrubbed(item: NewItem, redaction: Redaction) -> NewItem:
    """The item without them: input, expected, context and metadata. Its key and its source stay."""
    return replace(
        item,
        input=redaction.value(item.input),
        expected=redaction.value(item.expected),
        context=tuple(redaction.text(passage) for passage in item.context),
        metadata=redaction.value(item.metadata),
    )
