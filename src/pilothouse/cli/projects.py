"""`pilothouse projects`: projects, and what their keys may do and spend together."""

from pilothouse.cli.tenants import tenant_commands

__all__ = ["projects"]

projects = tenant_commands("project")
