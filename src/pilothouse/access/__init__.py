"""Who may call: keys, what they stand for, and console sessions."""

from pilothouse.access.keys import Keys, Principal, new_key
from pilothouse.access.sessions import Sessions

__all__ = ["Keys", "Principal", "Sessions", "new_key"]
