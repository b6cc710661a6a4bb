"""`PromptRegistry`: prompts in a program, from a server or from the platform of this process.

from pilothouse import PromptRegistry

prompts = PromptRegistry()
prompt = prompts.get_prompt("support/answer", fallback="Answer briefly: {{ question }}")
messages = prompt.format(question="How do I rotate a key?")
"""

import asyncio
import logging
import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pilothouse.client import AsyncClient, Client
from pilothouse.errors import InvalidRequest, NotFound, PilothouseError, ProviderUnavailable
from pilothouse.prompts.content import Content, content_of
from pilothouse.prompts.copies import Copies
from pilothouse.prompts.fetched import FetchedPrompt, fallback_prompt, fetched_of
from pilothouse.prompts.freshness import Fresh
from pilothouse.prompts.inclusions import included
from pilothouse.prompts.templates.template import PromptTemplate
from pilothouse.prompts.versions import MOST_NUMBER, PRODUCTION, check_label, check_name
from pilothouse.sdk import Embedded, _Face
from pilothouse.settings import Settings
from pilothouse.types import Json

__all__ = ["Fallback", "PromptRegistry", "PromptVerdict"]

Fallback = str | Sequence[Json] | PromptTemplate | None
"""A text, messages, or a template of another syntax."""
_Key = tuple[str, str | int]
_POLL_SECONDS = 0.1
_AT_ONCE = 8
_REST = 5.0
"""Seconds after an outage was met in which whoever has a stand-in does not wait for the registry."""
_logger = logging.getLogger("pilothouse")


@dataclass(frozen=True, slots=True)
class PromptVerdict:
    """What an evaluation decided; `data` is all of it, as the API tells it."""

    data: Json

    @property
    def passed(self) -> bool:
        """Whether nothing stands against the version."""
        return bool(self.data["passed"])

    @property
    def reasons(self) -> list[str]:
        """What stands against it, in sentences."""
        return [*self.data["reasons"]]


class PromptRegistry(_Face):
    """Prompts by name and label or number.

    `platform` is a Client or an Embedded. When None, PILOTHOUSE_URL (with PILOTHOUSE_API_KEY) names a server, and
    without it the platform of PILOTHOUSE_HOME runs in this process until `close`. A registry that does not answer
    within `timeout` seconds counts as away. Copies for such times are kept in PILOTHOUSE_HOME/prompts, or in `copies`;
    False keeps none. Safe to use from many threads, and in processes forked from this one.
    """

    def __init__(
        self, platform: "Client | Embedded | None" = None, *, timeout: float = 5.0, copies: Path | str | bool = True,
        env: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(platform, env)
        self._timeout = timeout
        self._process = os.getpid()
        self._away_until = float("-inf")
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._fresh: Fresh[_Key, FetchedPrompt] = Fresh(self._begin, _gone, clock=self._clock)
        home = Settings.from_env(env).home
        embedded = isinstance(platform or self._owned, Embedded)
        origin = ["home", str(home.absolute())] if embedded else [self.client.base_url, self.client.api_key or ""]
        folder = home / "prompts" if isinstance(copies, bool) else Path(copies)
        self._copies = Copies(folder, origin) if copies is not False else None

    def get_prompt(
        self, name: str, version: str | int = PRODUCTION, *, fallback: Fallback = None, ttl: float = 60.0
    ) -> FetchedPrompt:  # fmt: skip
        """The version of a label, or of a number.

        Within `ttl` seconds it comes from memory; later, too, at once, while it is renewed behind. Only the first call
        waits for the registry. Where that is away: the copy in memory, however old, then the one on disk, then
        `fallback`. That a prompt is not there is an answer: then there is `fallback`, else NotFound is raised.
        """
        key = (name, version)
        found = self._fresh.look(key, ttl)
        if found is not None:
            return found
        own = _checked(key, fallback)
        stood_in = self._spared(key, own)
        if stood_in is not None:
            return stood_in
        try:
            return self._fetch(key).result()
        except PilothouseError as error:
            return self._instead(key, own, error)

    async def get_prompt_async(
        self, name: str, version: str | int = PRODUCTION, *, fallback: Fallback = None, ttl: float = 60.0
    ) -> FetchedPrompt:  # fmt: skip
        """The same for async code, over the same memory."""
        key = (name, version)
        found = self._fresh.look(key, ttl)
        if found is not None:
            return found
        own = _checked(key, fallback)
        stood_in = self._spared(key, own)
        if stood_in is not None:
            return stood_in
        try:
            return await asyncio.shield(asyncio.wrap_future(self._fetch(key)))
        except PilothouseError as error:
            return self._instead(key, own, error)

    def forget(self, name: str | None = None) -> None:
        """Keep nothing of this prompt, or of any, in memory: the next who asks waits for the registry."""
        self._fresh.forget(lambda key: name in (None, key[0]))
        self._away_until = float("-inf")

    def create(
        self, name: str, template: str | Sequence[Json] | Content, *, labels: Sequence[str] = (), message: str = "",
        parent: int | None = None, **content: Any,
    ) -> FetchedPrompt:  # fmt: skip
        """The next version. `content` are its further fields: syntax, variables, model, params, tools, config, ...

        The same content as the newest version is that version again; `parent` raises Conflict where another is the
        newest. Raises InvalidRequest, and PromotionRefused where a label is protected.
        """
        given = template if isinstance(template, Content) else content_of({"template": _plain(template), **content})
        told = {"name": name, "content": given.to_json(), "labels": [*labels], "message": message, "parent": parent}
        made = self.client.request("POST", "/api/prompts", told)
        self.forget(name)
        return self.get_prompt(name, made["version"]) if included(given) else fetched_of({**made, "includes": {}})

    def promote(
        self, name: str, version: int, target: str = PRODUCTION, *, reason: str = "", force: bool = False
    ) -> Json:  # fmt: skip
        """Let the label `target` point to a version; the move, or the request where another person must agree.

        Raises PromotionRefused with the reasons where the label is protected; `force` needs a `reason`, and is audited.
        """
        body = {"version": version, "reason": reason, "force": force}
        done: Json = self.client.request("PUT", f"{_path(name)}/labels/{quote(target, safe='')}", body)
        self.forget(name)
        return done

    def rollback(self, name: str, target: str = PRODUCTION, *, reason: str = "") -> Json:
        """Let the label point to what it pointed to before; again, to what it pointed to before that. The move."""
        done: Json = self.client.request("POST", f"{_path(name)}/rollback", {"label": target, "reason": reason})
        self.forget(name)
        return done

    def evaluate(
        self, name: str, version: int | None = None, test_cases: Sequence[Any] | None = None, *,
        target: str = PRODUCTION, rule: Json | None = None, fresh: bool = False,
    ) -> PromptVerdict:  # fmt: skip
        """Judge a version, the newest unless given, beside the one that the label `target` has now; waits for it.

        By the suite that protects the label, or by `rule`: a suite, or an entry of the configuration's
        `prompts.protected`. `test_cases` stand in for those of its dataset; where nothing says by what, and each has
        `expected`, by whether the answer contains that. Neither such a verdict nor one by
        another rule opens a protected label. Raises InvalidRequest, and PilothouseError where it did not end.
        """
        given = {"version": version, "label": target, "rule": rule, "fresh": fresh}
        body: Json = {field: value for field, value in given.items() if value is not None}
        body |= {} if test_cases is None else {"cases": [*test_cases]}
        job = self.client.request("POST", f"{_path(name)}/evaluate", body)
        while job["status"] in ("queued", "running"):
            time.sleep(_POLL_SECONDS)
            job = self.client.request("GET", f"/api/jobs/{job['id']}")
        if job["status"] != "done":
            raise PilothouseError(f"The evaluation of '{name}' {job['status']}: {job['error'] or 'no reason given'}")
        return PromptVerdict(job["result"])

    def _fetch(self, key: _Key) -> "Future[FetchedPrompt]":
        return self._fresh.fetch(key)

    def _begin(self, key: _Key) -> "Future[FetchedPrompt]":
        """Start to ask the registry."""
        if self._process != os.getpid():  # forked: the thread of the client stayed behind
            self._process = os.getpid()
            self.client, self._places = self.client.again(), asyncio.Semaphore(_AT_ONCE)
        failed: Future[FetchedPrompt] = Future()
        try:
            return self.client.begin(lambda client: self._asked(client, key))
        except RuntimeError as error:  # it was closed
            failed.set_exception(ProviderUnavailable(f"The registry cannot be asked: {error}."))
        return failed

    async def _asked(self, client: AsyncClient, key: _Key) -> FetchedPrompt:
        name, version = key
        query = f"version={version}" if isinstance(version, int) else f"label={version}"
        waits = self._places.locked()
        try:
            async with self._places:
                if waits and self._clock() < self._away_until:
                    raise ProviderUnavailable("The registry was found away a moment ago.")
                body = await client.request("GET", f"{_path(name)}/resolved?{query}", timeout=self._timeout)
            made = fetched_of(body)
        except NotFound:
            if self._copies is not None:
                await asyncio.to_thread(self._copies.drop, *_written(key))
            raise
        except InvalidRequest:  # an answer about this prompt
            raise
        except PilothouseError as error:
            if self._clock() >= self._away_until:
                _logger.warning("Prompts are served from copies where there are any: %s", error.message)
            self._away_until = self._clock() + _REST
            raise
        self._away_until = float("-inf")
        if self._copies is not None:
            await asyncio.to_thread(self._copies.put, body, *_written(key))
        return made

    def _spared(self, key: _Key, own: FetchedPrompt | None) -> FetchedPrompt | None:
        """A stand-in where the registry was found away a moment ago, so that not every prompt waits for it."""
        resting = self._fresh.resting(key)
        if not resting and self._clock() >= self._away_until:
            return None
        found = self._copy(key) or own
        if found is not None and not resting:
            self._fresh.renew(key)
        return found

    def _instead(self, key: _Key, own: FetchedPrompt | None, error: PilothouseError) -> FetchedPrompt:
        found = own if isinstance(error, NotFound) else self._copy(key) or own
        if found is None:
            raise error
        return found

    def _copy(self, key: _Key) -> FetchedPrompt | None:
        """The one on disk, which is kept in memory from then on."""
        body = None if self._copies is None else self._copies.get(*_written(key))
        if body is None:
            return None
        try:
            found = fetched_of(body)
        except PilothouseError:  # of another version of this program
            return None
        self._fresh.put(key, found)
        return found

    @staticmethod
    def _clock() -> float:
        return time.monotonic()


def _checked(key: _Key, fallback: Fallback) -> FetchedPrompt | None:
    """The fallback as a prompt. Raises InvalidRequest for a key that is none, and for a fallback that could not be
    rendered: better now than in an outage."""
    name, version = key
    check_name(name)
    if isinstance(version, str):
        check_label(version)
    elif type(version) is not int or not 0 < version <= MOST_NUMBER:
        raise InvalidRequest(f"{version!r} is neither a label nor the number of a version.", param="version")
    if fallback is None:
        return None
    made = fallback_prompt(name, fallback.content if isinstance(fallback, PromptTemplate) else fallback)
    made.variables  # noqa: B018 - reads the template
    return made


def _gone(error: BaseException) -> bool:
    return isinstance(error, NotFound)


def _path(name: str) -> str:
    return f"/api/prompts/{quote(check_name(name), safe='')}"


def _written(key: _Key) -> tuple[str, str, str]:
    return key[0], type(key[1]).__name__, str(key[1])


def _plain(template: str | Sequence[Json]) -> str | list[Json]:
    return template if isinstance(template, str) else [*template]
