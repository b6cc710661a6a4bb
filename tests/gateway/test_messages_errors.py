import inspect

import msgspec
import pytest

from pilothouse import errors
from pilothouse.errors import PilothouseError
from pilothouse.gateway.dialects.messages_errors import error_body, error_status


def made(kind: type[PilothouseError]) -> PilothouseError:
    needed = [p for p in inspect.signature(kind).parameters.values() if p.default is p.empty]
    values = {"allowed": ["GET"]}
    return kind(**{p.name: values.get(p.name, "what happened") for p in needed if p.kind is not p.VAR_POSITIONAL})


KINDS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, PilothouseError)]


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_is_told(kind: type[PilothouseError]) -> None:
    error = made(kind)
    body = msgspec.json.decode(error_body(error, "req_1"))
    assert (body["type"], body["request_id"]) == ("error", "req_1")
    assert error.message in body["error"]["message"]
    assert body["error"]["type"].endswith(("_error", "_large"))


@pytest.mark.parametrize(
    ("kind", "status", "name"),
    [
        (errors.InvalidRequest, 400, "invalid_request_error"),
        (errors.Unsupported, 400, "invalid_request_error"),
        (errors.ProviderRejected, 400, "invalid_request_error"),
        (errors.Unauthenticated, 401, "authentication_error"),
        (errors.Forbidden, 403, "permission_error"),
        (errors.UnknownModel, 404, "not_found_error"),
        (errors.BodyTooLarge, 413, "request_too_large"),
        (errors.TooManyRequests, 429, "rate_limit_error"),
        (errors.BudgetExceeded, 429, "rate_limit_error"),
        (errors.RateLimited, 429, "rate_limit_error"),
        (errors.PilothouseError, 500, "api_error"),
        (errors.ProviderAuth, 502, "api_error"),
        (errors.StorageError, 503, "api_error"),
        (errors.ProviderTimeout, 504, "timeout_error"),
        (errors.Overloaded, 529, "overloaded_error"),
    ],
)
def test_statuses_and_types(kind: type[PilothouseError], status: int, name: str) -> None:
    error = made(kind)
    assert error_status(error) == status
    assert msgspec.json.decode(error_body(error, ""))["error"]["type"] == name


def test_an_overload_is_told_apart_from_an_outage() -> None:
    assert error_status(errors.Overloaded("busy")) == 529
    assert error_status(errors.ProviderUnavailable("busy", upstream_status=529)) == 529
    assert error_status(errors.ProviderUnavailable("busy", upstream_status=503)) == 529
    assert error_status(errors.ProviderUnavailable("down", upstream_status=500)) == 503


def test_a_prompt_that_is_too_long_is_called_so_once() -> None:
    def message(text: str) -> str:
        return str(msgspec.json.decode(error_body(errors.ContextTooLong(text), ""))["error"]["message"])

    assert message("4097 tokens") == "prompt is too long: 4097 tokens"
    assert message("Prompt is too long: 3 > 2") == "Prompt is too long: 3 > 2"
