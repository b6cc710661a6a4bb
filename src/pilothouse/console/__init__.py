"""The pages for people, under `/console`: rendered here, styled here, safe against whatever text they show."""

from pilothouse.console.app import ConsoleAuth, mount_console

__all__ = ["ConsoleAuth", "mount_console"]
