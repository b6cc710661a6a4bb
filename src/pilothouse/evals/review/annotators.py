"""By which name somebody votes: a person's own, a key's with a piece of its id, since keys may share a name."""

from pilothouse.principal import Principal

__all__ = ["annotator_of"]

_MEMBER = "member:"
_TAIL = 6


def annotator_of(principal: Principal) -> str:
    """The name, the same in every session of that person or key."""
    if principal.key_id.startswith(_MEMBER):
        return principal.key_id.removeprefix(_MEMBER)
    if not principal.key_id or principal.name in ("", principal.key_id):
        return principal.name or principal.key_id or "embedded"
    return f"{principal.name} #{principal.key_id[-_TAIL:]}"
