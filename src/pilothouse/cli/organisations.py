"""`pilothouse organisations`: organisations, and what the keys of their projects may do and spend together."""

from pilothouse.cli.tenants import tenant_commands

__all__ = ["organisations"]

organisations = tenant_commands("organisation")
