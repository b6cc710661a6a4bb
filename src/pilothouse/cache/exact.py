"""Which requests are the same, who may share their answers, and what a caller's Cache-Control asks.

Pure functions; 4 us for a request of 1 KB. Knows nothing of stores or answers.
"""

from hashlib import blake2b
from typing import Literal, NamedTuple

import msgspec

from pilothouse.call import Call
from pilothouse.types import ChatRequest, EmbedRequest

__all__ = ["NATIVE", "Directives", "Scope", "directives_of", "key_of", "scope_of"]

Scope = Literal["project", "team", "key", "user"]

NATIVE = ("messages", "responses")
"""Dialects whose answers are no chat completions."""

_NO_MATTER = frozenset(
    (
        "model", "stream", "stream_options", "user", "metadata", "store", "safety_identifier", "prompt_cache_key",
        "prompt_cache_retention",
    )
)  # fmt: skip
"""Fields that do not shape the answer. In place of the model's name stand the alias and its deployments' revision."""

_NO_MATTER_NATIVE = _NO_MATTER - {"store"}  # a stored response can be asked for by its id later
_VERSIONS = ("prompt", "corpus")
_canonical = msgspec.json.Encoder(order="deterministic").encode


def key_of(
    request: ChatRequest | EmbedRequest, call: Call, alias: str, revision: str, scope: str, *, kind: str = "x"
) -> str:
    """The key of a request's answer, behind its tenant's prefix. `scope` is that of `scope_of`.

    `revision` stands for the alias' deployments: another one, another answer. A chat's stream and its JSON share a key;
    in the dialects of messages and responses they do not, since their events are kept as they came. All fields count
    but those known not to shape the answer.
    """
    operation, ignored = "embeddings", _NO_MATTER
    headers: tuple[tuple[str, str], ...] = ()
    if isinstance(request, ChatRequest):
        operation, headers = request.operation, request.headers
        if operation in NATIVE:
            operation, ignored = f"{operation} {request.stream}", _NO_MATTER_NATIVE
    shaping = {name: value for name, value in request.body.items() if value is not None and name not in ignored}
    versions = [call.versions.get(name) for name in _VERSIONS]
    content = _canonical([operation, scope, revision, versions, shaping, *headers])
    return f"{call.project_id}\n{alias}\n{kind}\n{blake2b(content, digest_size=16).hexdigest()}"


def scope_of(scope: Scope, call: Call) -> str | None:
    """Who shares an answer, within the project. None where the caller cannot be told apart: nothing is shared then.

    A key without a team is a team of its own.
    """
    if scope == "project":
        return "project"
    if scope == "user":
        return None if call.user_id is None else f"user:{call.user_id}"
    if scope == "team" and call.principal.team_id is not None:
        return f"team:{call.principal.team_id}"
    key = call.key_id or call.principal.key_id
    return f"key:{key}" if key else None


class Directives(NamedTuple):
    """What Cache-Control allows: to be answered from a cache, to be stored in one; `max_age` is in seconds."""

    read: bool = True
    write: bool = True
    max_age: int | None = None


_ALL = Directives()


def directives_of(header: str) -> Directives:
    """Read `no-store`, `no-cache` and `max-age` of a request's Cache-Control (RFC 9111, 5.2.1); others mean nothing
    here. `max-age` that is no number is none."""
    if not header:
        return _ALL
    read = write = True
    max_age: int | None = None
    for part in header.lower().split(","):
        name, _, value = part.strip().partition("=")
        if name == "no-store":
            read = write = False
        elif name == "no-cache":
            read = False
        elif name == "max-age" and value.strip('"').isdecimal():
            max_age = int(value.strip('"'))
    return Directives(read, write, max_age)
