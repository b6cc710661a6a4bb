"""Addresses of servers as they may be shown."""

import re

__all__ = ["without_password"]

_USER = re.compile(r"(\S*?//)?\S+@")


def without_password(text: str) -> str:
    """The text without a user and a password that stand in an address in it, also in one that is none."""
    return _USER.sub(r"\1", text)
