"""Links and images that carry data away: a page that shows an image asks its host for it, whatever stands in the
address."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal
from urllib.parse import unquote, urlsplit

from pilothouse.errors import ConfigError
from pilothouse.guarded import Finding, GuardResult
from pilothouse.guarding import Action, Stage
from pilothouse.protocols import Conversation, Guard, Subject

__all__ = ["Exfiltration"]

_LONGEST = 4000
"""Characters of an address; what follows is no part of it."""
_URL = re.compile(
    rf"(?:https?|ftp|wss?):[/\\][^\s<>\"'`)\]]{{0,{_LONGEST}}}|(?<=[(\"'=<])[/\\]{{2}}[^\s<>\"'`)\]]{{1,{_LONGEST}}}",
    re.IGNORECASE,
)
_BEGINS = 8
"""Characters of the longest begin, `https:/`, and one before."""
_BEFORE = 400
_SHOWN = re.compile(
    r"!\[[^\]]{0,200}\]\(\s{0,3}<?$|\]:\s{0,3}<?$|url\(\s{0,3}[\"']?$|<(?:img|image|iframe|video|audio|embed|object|source|"
    r"script|link|input|body|table|td|svg)\b[^<>]{0,300}=\s{0,3}[\"']?$",
    re.IGNORECASE,
)
_TARGET = re.compile(r"\]\(\s{0,3}<?$|\bhref\s{0,3}=\s{0,3}[\"']?$", re.IGNORECASE)
_OPAQUE = re.compile(r"(?=[A-Za-z+/_=-]{0,200}\d)[A-Za-z0-9+/_=-]{32,}")
_LONG_QUERY, _LONG_LABEL, _LONG_PATH, _WORDS = 150, 32, 80, 6


@dataclass(frozen=True, kw_only=True)
class Exfiltration(Guard):
    """Triggers on images, and whatever else a page loads by itself, from hosts that are not in `hosts`; on links to
    other hosts where `hosts` are given, else on links that carry data: a long query or fragment, a sentence, a coded
    piece of 32 characters and more. A host stands for all that lie under it. In Markdown (with references), HTML and
    bare; redacted, the target becomes `#`."""

    stages: ClassVar[frozenset[Stage]] = frozenset(("output", "tool", "retrieval"))
    reads: ClassVar[Literal["ahead", "window", "whole"]] = "ahead"
    action: ClassVar[Action] = "redact"

    hosts: tuple[str, ...] = ()
    name: str = "exfiltration"

    def __post_init__(self) -> None:
        for host in self.hosts:
            if not re.fullmatch(r"[\w-]+(?:\.[\w-]+)*(?::\d+)?", host):
                raise ConfigError(
                    f"{self.name}.hosts: '{host}' is no host; write it as in docs.example.com.",
                    param=f"{self.name}.hosts",
                )

    @property
    def hold_back(self) -> int:
        return _BEGINS

    def scan(self, conversation: Conversation) -> "_Links":
        return _Links(self)

    def told(self, findings: Sequence[Finding]) -> GuardResult:
        if not findings:
            return GuardResult.passed(self.name)
        kinds = sorted({one.kind for one in findings})
        return GuardResult.triggered(
            self.name, f"The text holds addresses that may carry data away: {', '.join(kinds)}.",
            findings=tuple(findings), detail={"kinds": kinds}, correction="Leave out images and links to other hosts.",
        )  # fmt: skip

    async def check(self, subject: Subject) -> GuardResult:
        scan = self.scan(subject.conversation)
        return self.told([*scan.feed(subject.text), *scan.end()])

    def judged(self, before: str, url: str) -> tuple[str, str | None] | None:
        """(kind, what stands instead) of an address after `before`; None where it may stay."""
        try:
            parts = urlsplit(url.replace("\\", "/"))
            host = (parts.hostname or "").rstrip(".")
        except ValueError:
            parts, host = urlsplit(""), ""
        if not host and re.match(r"\w+:/[^/]", url):  # browsers read https:/host as https://host
            return self.judged(before, url.replace(":/", "://", 1))
        if host and any(host == known or host.endswith(f".{known}") for known in self._known):
            return None
        if _SHOWN.search(before):
            return "image", "#"
        instead = "#" if _TARGET.search(before) else None
        if self.hosts:
            return "link", instead
        return ("link with data", instead) if _carries(host, parts.path, f"{parts.query}&{parts.fragment}") else None

    @property
    def _known(self) -> Sequence[str]:
        return [host.lower().partition(":")[0] for host in self.hosts]


def _carries(host: str, path: str, query: str) -> bool:
    if len(query) > _LONG_QUERY or any(len(label) >= _LONG_LABEL for label in host.split(".")):
        return True
    said = unquote(query.replace("+", " "))
    if len(said.split()) >= _WORDS or len(unquote(path).split()) >= _WORDS:
        return True
    opaque = any(_OPAQUE.search(piece) for piece in re.split(r"[&=;]", query))
    return opaque or any(len(piece) >= _LONG_PATH and _OPAQUE.fullmatch(piece) for piece in path.split("/"))


class _Links:
    """The Scan: an address is judged once it has ended. Keeps what may become one, and what stands before it."""

    def __init__(self, guard: Exfiltration) -> None:
        self._guard = guard
        self._text, self._base = "", 0  # the text from `base` on
        self._at = 0  # decided, counted from there
        self.settled = 0

    def feed(self, text: str) -> Sequence[Finding]:
        self._text += text
        return self._look(ended=False)

    def end(self) -> Sequence[Finding]:
        return self._look(ended=True)

    def _look(self, *, ended: bool) -> Sequence[Finding]:
        found, size = list[Finding](), len(self._text)
        for url in _URL.finditer(self._text, self._at):
            start, end = url.span()
            if end == size and end - start <= _LONGEST and not ended:
                self._settle(start)
                return found
            self._at = end
            judged = self._guard.judged(self._text[max(0, start - _BEFORE) : start], url[0])
            if judged is not None:
                found.append(Finding(judged[0], self._base + start, self._base + end, judged[1]))
        self._settle(size if ended else max(self._at, size - _BEGINS))
        return found

    def _settle(self, at: int) -> None:
        self._at, self.settled = at, self._base + at
        drop = at - _BEFORE
        if drop > _LONGEST:
            self._text, self._base, self._at = self._text[drop:], self._base + drop, _BEFORE
