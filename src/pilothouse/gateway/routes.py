"""Which handler answers a path: exact paths first, then those with `{names}` in them. Knows no handler.

A last part `{name...}` takes the rest of the path, slashes included.
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from pilothouse.call import Call
from pilothouse.errors import MethodNotAllowed, NotFound
from pilothouse.gateway.http import OPENAI_ERRORS, ErrorShape, Exchange

__all__ = ["Handler", "Route", "Routes"]

Handler = Callable[[Exchange, Call], Awaitable[None]]

_NAMED = re.compile(r"\{(\w+)(\.\.\.)?\}")


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path. `errors` is how its dialect tells of an error. `by_path` says that a key's policy names
    the path that is asked for, not this pattern."""

    method: str
    path: str
    handler: Handler
    errors: ErrorShape = OPENAI_ERRORS
    by_path: bool = False

    @property
    def pattern(self) -> re.Pattern[str]:
        """The path as a regular expression with its named parts."""
        parts = _NAMED.split(self.path)
        made = re.escape(parts[0])
        for name, rest, literal in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
            made += f"(?P<{name}>{'.+' if rest else '[^/]+'}){re.escape(literal)}"
        return re.compile(made)


class Routes:
    """Finds the route of a request in about a microsecond where its path is exact."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._exact = {(route.method, route.path): route for route in routes if "{" not in route.path}
        self._named = [(route.pattern, route) for route in routes if "{" in route.path]
        self._paths = sorted({route.path for route in routes})
        self._shapes = {route.path.partition("/{")[0]: route.errors for route in routes}

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        """The route and the named parts of the path. Raises NotFound or MethodNotAllowed, naming what there is."""
        route = self._exact.get((method, path))
        if route is not None:
            return route, {}
        allowed = [other for other, exact in self._exact if exact == path]
        for pattern, route in self._named:
            match = pattern.fullmatch(path)
            if match is not None and path not in self._paths and "\0" not in path:  # no database looks for a NUL
                if route.method == method:
                    return route, match.groupdict()
                allowed.append(route.method)
        if allowed:
            raise MethodNotAllowed(method, path, sorted(set(allowed)))
        raise NotFound(f"There is no {method} {path}. There are: {', '.join(self._paths)}.")

    def errors(self, path: str) -> ErrorShape:
        """How to tell of an error on a path for which nothing was found: as the nearest path above it does."""
        above = [head for head in self._shapes if path == head or path.startswith(f"{head}/")]
        return self._shapes[max(above, key=len)] if above else OPENAI_ERRORS
