"""Where commands find guards: at the server that is named, else in the home of this machine. Both give what the API
gives."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from pilothouse.call import Call
from pilothouse.cli.asking import Asking
from pilothouse.cli.context import Context
from pilothouse.cli.either import at_server, giving, known
from pilothouse.types import Json

if TYPE_CHECKING:
    from pilothouse.app import Platform

__all__ = ["Desk", "at_guards"]

_F = TypeVar("_F", bound=Callable[..., Any])


class Desk(Protocol):
    """`body` is that of `POST /api/guards/check`."""

    def check(self, body: Json) -> Json: ...


class _Served(Asking):
    def check(self, body: Json) -> Json:
        found: Json = self._ask("POST", "/api/guards/check", body)
        return found


class _Home:
    def __init__(self, context: Context, project: str) -> None:
        self._context, self._project = context, project

    def check(self, body: Json) -> Json:
        with self._context.platform() as platform:
            return platform.run(self._checked(platform, body))

    async def _checked(self, platform: "Platform", body: Json) -> Json:
        from pilothouse.gateway.guarding.trying import tried  # noqa: PLC0415
        from pilothouse.guards.choosing import chosen  # noqa: PLC0415
        from pilothouse.protocols import Conversation  # noqa: PLC0415

        stage, gateway = body["stage"], platform.gateway
        placed = chosen(gateway.runtime.guards, body["policies"], body["guards"], stage)
        about = Conversation(question=body["question"], system=body["system"], passages=body["passages"])
        call = Call(platform.recorder, project_id=self._project, endpoint="cli")
        found = await tried(gateway, call, placed, body["text"], stage, about)
        return {"stage": stage, **found.to_json()}


@contextmanager
def _at_desk(context: Context, project: str, url: str | None, key: str | None) -> Iterator[Desk]:
    if url is None:
        known(context, project)
        yield _Home(context, project)
        return
    with at_server(_Served, context, project, url, key, noun="Guards") as desk:
        yield desk


def at_guards(command: _F) -> Callable[..., Any]:
    """Gives a command the Desk that `--project`, `--url` and `--key` name, before its own arguments."""
    return giving(_at_desk)(command)
