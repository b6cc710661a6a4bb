"""The registry as templates see it: a version by the reference under which a prompt includes it."""

from collections.abc import Callable

from pilothouse.prompts.registry import Prompts
from pilothouse.prompts.versions import Version, reference_of

__all__ = ["fetch_of"]


def fetch_of(prompts: Prompts, project: str) -> Callable[[str], Version]:
    """Looks each reference up when it is asked for; `production` where it names neither version nor label."""

    def fetch(reference: str) -> Version:
        found = reference_of(reference)
        return prompts.get(project, found.name, version=found.version, label=found.label)

    return fetch
