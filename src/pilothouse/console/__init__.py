"""The pages for people, under `/console`: rendered here, styled here, safe against whatever text they show."""

from pilothouse.console.app import ConsoleAuth, mount_console
from pilothouse.console.rooms import ConsoleRooms

__all__ = ["ConsoleAuth", "ConsoleRooms", "mount_console"]
