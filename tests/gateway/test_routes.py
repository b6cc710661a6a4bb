"""Exact paths, paths with names in them, the rest of a path, and what is said when there is none."""

import pytest

from pilothouse.call import Call
from pilothouse.errors import MethodNotAllowed, NotFound
from pilothouse.gateway.http import OPENAI_ERRORS, ErrorShape, Exchange
from pilothouse.gateway.routes import Route, Routes


async def nothing(exchange: Exchange, call: Call) -> None:
    return None


OTHER = ErrorShape(lambda error, request_id: b"", lambda error: 400)
ROUTES = Routes(
    [
        Route("POST", "/v1/things", nothing),
        Route("GET", "/v1/things", nothing),
        Route("GET", "/v1/things/{id}", nothing),
        Route("POST", "/v1/things/{id}/cancel", nothing),
        Route("GET", "/v1/models/{name...}", nothing),
        Route("DELETE", "/v1/things/{id}", nothing),
        Route("POST", "/v1/things/count", nothing),
        Route("GET", "/v1/others/{id}", nothing, OTHER),
    ]
)


@pytest.mark.parametrize(
    ("method", "path", "route", "names"),
    [
        ("POST", "/v1/things", "/v1/things", {}),
        ("GET", "/v1/things/a.b-c", "/v1/things/{id}", {"id": "a.b-c"}),
        ("POST", "/v1/things/7/cancel", "/v1/things/{id}/cancel", {"id": "7"}),
        ("GET", "/v1/models/a/b:c", "/v1/models/{name...}", {"name": "a/b:c"}),
        ("POST", "/v1/things/count", "/v1/things/count", {}),
    ],
)
def test_a_route_is_found_with_its_names(method: str, path: str, route: str, names: dict[str, str]) -> None:
    found, parts = ROUTES.find(method, path)
    assert (found.path, parts) == (route, names)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/v1/things", ["GET", "POST"]),
        ("PUT", "/v1/things/7", ["DELETE", "GET"]),
        ("GET", "/v1/things/count", ["POST"]),
        ("GET", "/v1/things/7/cancel", ["POST"]),
    ],
)
def test_another_method_names_those_there_are(method: str, path: str, allowed: list[str]) -> None:
    with pytest.raises(MethodNotAllowed) as failure:
        ROUTES.find(method, path)
    assert failure.value.allowed == allowed


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ("/v1/others", OTHER),
        ("/v1/others/", OTHER),
        ("/v1/others/../things", OTHER),
        ("/v1/othersome", OPENAI_ERRORS),
        ("/v1/things/7/8", OPENAI_ERRORS),
        ("/v1/", OPENAI_ERRORS),
    ],
)
def test_what_is_not_there_is_told_in_the_dialect_of_what_lies_above_it(path: str, shape: ErrorShape) -> None:
    assert ROUTES.errors(path) is shape


@pytest.mark.parametrize("path", ["/v1/thing", "/v1/things/", "/v1/things/7/8", "/v1/models/", "/v1/things.json"])
def test_an_unknown_path_names_those_there_are(path: str) -> None:
    with pytest.raises(NotFound, match=r"/v1/things/\{id\}/cancel"):
        ROUTES.find("POST", path)
