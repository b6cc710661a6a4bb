"""Prompts, versions and moves as the API tells them, and the commands print them."""

from dataclasses import asdict

from pilothouse.prompts.versions import Move, Pending, Prompt, Version, VersionHead
from pilothouse.types import Json

__all__ = ["change_json", "head_json", "prompt_json", "version_json"]


def prompt_json(prompt: Prompt, newest: VersionHead | None = None) -> Json:
    """A prompt, with who made its newest version where that is given."""
    told = asdict(prompt)
    return told if newest is None else {**told, "newest_version": head_json(newest)}


def head_json(version: VersionHead | Version) -> Json:
    """A version without its content; `version` is its number."""
    names = ("hash", "message", "author", "created_us", "parent", "labels")
    return {
        "project_id": version.project_id, "name": version.name, "version": version.number,
        **{name: getattr(version, name) for name in names},
    }  # fmt: skip


def version_json(version: Version) -> Json:
    """A version with its content."""
    return {**head_json(version), "content": version.content.to_json()}


def change_json(change: Move | Pending) -> Json:
    """A move, or a promotion that waits, which alone has a `status`."""
    return asdict(change)
