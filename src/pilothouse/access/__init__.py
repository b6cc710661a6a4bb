"""Who may call: keys, and what they stand for."""

from pilothouse.access.keys import Keys, Principal, new_key

__all__ = ["Keys", "Principal", "new_key"]
