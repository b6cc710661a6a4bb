"""Who may call and how much: keys and what they stand for, tenants, members, policies, sessions, the audit log."""

from pilothouse.access.audit import Actor, Audit, AuditFilters
from pilothouse.access.key_rows import Key
from pilothouse.access.keys import Keys, new_key
from pilothouse.access.members import Members
from pilothouse.access.sessions import Sessions
from pilothouse.access.tenants import Tenants

__all__ = ["Actor", "Audit", "AuditFilters", "Key", "Keys", "Members", "Sessions", "Tenants", "new_key"]
