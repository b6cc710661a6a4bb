"""What is passed on of a request to a provider, and of its answer: address, headers, and what the body says of models.

Plain functions. The address is always one below the provider's own; nothing by which the caller is known to us goes
out, and nothing of the provider's account comes back. Knows nothing of sockets, limits or money.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, unquote_plus

from yarl import URL

from pilothouse.access.bounds import MOST_OUTPUT
from pilothouse.access.policy import models_in
from pilothouse.errors import InvalidRequest
from pilothouse.gateway.http import Headers
from pilothouse.types import Json

__all__ = ["Asked", "address", "answer_headers", "asked_of", "request_headers"]

_HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
     "transfer-encoding", "upgrade"}
)  # fmt: skip
"""RFC 9110, 7.6.1, and what came before it."""
_OURS = frozenset(
    {"host", "content-length", "accept-encoding", "expect", "authorization", "x-api-key", "api-key", "x-goog-api-key",
     "cookie", "forwarded", "via", "x-real-ip", "openai-organization", "openai-project", "x-goog-user-project",
     "x-http-method", "x-http-method-override", "x-method-override", "traceparent", "tracestate"}
)  # fmt: skip
"""Of the connection to us, or what would choose another credential, account or method than the ones that we allow."""
_OUR_PREFIXES = ("x-pilothouse-", "x-forwarded-", "x-amz-", "sec-", "cf-")
_CALLERS = frozenset({"content-type", "anthropic-version"})
"""Headers of a provider that the caller's own replace."""
_SECRET_PARAMETERS = frozenset({"key", "api_key", "api-key", "apikey", "access_token", "token"})
_ANSWERED = frozenset(
    {"content-type", "content-disposition", "content-language", "content-range", "accept-ranges", "etag",
     "last-modified", "retry-after", "retry-after-ms", "x-should-retry", "openai-processing-ms", "openai-version"}
)  # fmt: skip
_GUARD: Headers = [(b"x-content-type-options", b"nosniff"), (b"content-security-policy", b"sandbox")]
"""So that no browser runs on our origin what a provider answers."""

_READING = frozenset({"GET", "HEAD", "OPTIONS", "DELETE"})
_COUNTING = ("/count_tokens", ":counttokens", "/input_tokens")
_IN_PATH = re.compile(r"(?:^|/)(?:models|model|deployments)/([^/:]+)(?=[/:]|$)")
_LIMITS = ("max_completion_tokens", "max_tokens", "max_output_tokens")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request says of its costs. `models` are those that it names; `output` the most tokens it lets be written,
    None where it does not say; `free` that it only reads, deletes or counts."""

    models: tuple[str, ...]
    output: int | None
    free: bool

    @property
    def model(self) -> str | None:
        return self.models[0] if self.models else None


def address(base_url: str, raw_path: bytes, query: bytes) -> URL:
    """Where to send it: the provider's base URL, and what follows `/providers/{name}` in the path as it was encoded.

    Raises InvalidRequest for a path that would lead out of there, such as one with `..`, however often encoded.
    """
    name_and_rest = raw_path.decode("latin-1").split("/", 3)
    rest = name_and_rest[3] if len(name_and_rest) == 4 else ""
    plain = unquote(unquote(rest)).replace("\\", "/")
    climbs = any(segment.partition(";")[0] in (".", "..") for segment in plain.split("/"))
    if climbs or "%" in name_and_rest[2] or not plain.isprintable():
        raise InvalidRequest("The path may hold no '.' or '..', no control characters, and no encoded provider's name.")
    kept = "&".join(part for part in query.decode("latin-1").split("&") if part and not _is_secret(part))
    made = URL(f"{base_url}/{rest.lstrip('/')}{'?' if kept else ''}{kept}", encoded=True)
    base = URL(base_url)
    if made.origin() != base.origin() or not made.raw_path.startswith(base.raw_path.rstrip("/") + "/"):
        raise InvalidRequest("The path leads out of the provider's address.")
    return made


def request_headers(given: Iterable[tuple[bytes, bytes]], own: Mapping[str, str], *, signed: bool) -> dict[str, str]:
    """The caller's headers that may go on, under the provider's `own`. Where those are `signed` they stand as they are,
    else the caller's content type and `anthropic-version` go first, and beta features of both are asked for."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in given:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    nominated = {name.strip().lower() for name in headers.get("connection", "").split(",")}
    dropped = _HOP_BY_HOP | _OURS | nominated
    sent = {n: v for n, v in headers.items() if n not in dropped and not n.startswith(_OUR_PREFIXES)}
    for name, value in own.items():
        key = name.lower()
        if key == "anthropic-beta" and key in sent:
            sent[key] = f"{value},{sent[key]}"
        elif signed or key not in _CALLERS or key not in sent:
            sent[key] = value
    if "content-type" not in headers and not signed:
        sent.pop("content-type", None)  # ours is for JSON
    return {**sent, "accept-encoding": "identity"}


def answer_headers(given: Mapping[str, str], identity: Headers) -> Headers:
    """The provider's headers that may be told, with our own."""
    kept = [(n.lower().encode(), v.encode("latin-1", "replace")) for n, v in given.items() if n.lower() in _ANSWERED]
    if "content-encoding" not in given and given.get("content-length", "").isdigit():
        kept.append((b"content-length", given["content-length"].encode()))
    if request_id := given.get("x-request-id") or given.get("request-id"):
        kept.append((b"x-upstream-request-id", request_id.encode("latin-1", "replace")))
    return [*kept, *_GUARD, *identity]


def asked_of(method: str, path: str, body: Json | None) -> Asked:
    """What the path and a JSON body say, in the shapes of OpenAI, Anthropic, Google and Bedrock."""
    body = body or {}
    models = [unquote(found) for found in _IN_PATH.findall(path)]
    models += [name.removeprefix("models/") for _, name in models_in(body)]
    free = method in _READING or path.lower().endswith(_COUNTING)
    return Asked(tuple(dict.fromkeys(models)), _output(body), free)


def _output(body: Json) -> int | None:
    given: list[Any] = [body.get(name) for name in _LIMITS]
    for group, name in (("generationConfig", "maxOutputTokens"), ("inferenceConfig", "maxTokens")):
        settings = body.get(group)
        given.append(settings.get(name) if isinstance(settings, dict) else None)
    stated = [limit for limit in given if isinstance(limit, int) and limit >= 0]
    times = [n for name in ("n", "best_of") if isinstance(n := body.get(name), int) and n > 0]
    return min(max(stated) * max(times, default=1), MOST_OUTPUT) if stated else None


def _is_secret(parameter: str) -> bool:
    return unquote_plus(parameter.partition("=")[0]).lower() in _SECRET_PARAMETERS
