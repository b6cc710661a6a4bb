"""Whether the links of an output are well-formed and lead to allowed hosts. Asks no network."""

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from pilothouse.evals.options import refusal
from pilothouse.evals.rules.telling import told
from pilothouse.evals.shapes import Case, Evaluator, Models, Verdict

__all__ = ["Links", "links_in"]

_MARKDOWN = re.compile(r"\]\(\s*<?([^()<>\s]*(?:\([^()<>\s]*\)[^()<>\s]*)*)")
_BARE = re.compile(r"\b(?:https?|ftp)://[^\s<>\"'`\[\]{}|\\^]*", re.IGNORECASE)
_LABEL = re.compile(r"(?!-)[^\W_](?:[\w-]{0,61}[^\W_])?")
_ENDS = ".,;:!?*_"
_MOST_FAULTS = 20


@dataclass(frozen=True, kw_only=True)
class Links(Evaluator):
    """Passes an output whose links are all well-formed and allowed; the score is the share of those that are.

    `hosts` are the allowed ones with all that lie under them; none allows every host. `relative` allows targets such as
    `guide.md` and `#setup`. An output without a link passes unless one is `required`.
    """

    hosts: tuple[str, ...] = ()
    schemes: tuple[str, ...] = ("https", "http", "mailto")
    relative: bool = False
    required: bool = False
    name: str = "links"

    def __post_init__(self) -> None:
        for host in self.hosts:
            if not _is_host(host.lower()):
                raise refusal(self, "hosts", f"'{host}' is no host name; write it as in docs.example.com")

    async def evaluate(self, case: Case, models: Models) -> Verdict:
        links = list(dict.fromkeys(links_in(case.output)))
        if not links:
            return told(self.name, not self.required, "The output has no link.", detail={"links": 0})
        faults = [f"{link[:200]}: {fault}" for link in links if (fault := self._fault(link))]
        score = 1 - len(faults) / len(links)
        detail = {"links": len(links), "faults": faults[:_MOST_FAULTS]}
        return told(self.name, not faults, "; ".join(faults[:3]), score=score, detail=detail)

    def _fault(self, link: str) -> str | None:
        try:
            parts = urlsplit(link)
            host, _ = (parts.hostname or "").rstrip("."), parts.port
        except ValueError as error:
            return f"is not well-formed ({error})"
        if not parts.scheme and not parts.netloc:
            return None if self.relative and link else "is not absolute" if link else "leads nowhere"
        if parts.scheme not in self.schemes:
            return f"has the scheme '{parts.scheme}'"
        if parts.scheme == "mailto":
            return None if "@" in parts.path else "has no address"
        if not _is_host(host):
            return "has no well-formed host"
        if parts.username is not None:
            return "hides its host behind a user name"
        if self.hosts and not any(host == known or host.endswith(f".{known}") for known in map(str.lower, self.hosts)):
            return f"the host '{host[:80]}' is not allowed"
        return None


def links_in(text: str) -> Iterator[str]:
    """The links of a text: the targets of Markdown links and images, and bare URLs."""
    places = []
    for link in _MARKDOWN.finditer(text):
        places.append(link.span(1))
        yield link[1]
    inside = {start for start, _ in places}
    for link in _BARE.finditer(text):
        if link.start() not in inside:
            yield _trimmed(link[0])


def _trimmed(link: str) -> str:
    """A bare URL without the punctuation of the sentence around it."""
    while True:
        short = link.rstrip(_ENDS)
        if short.endswith(")") and short.count(")") > short.count("("):
            short = short[:-1]
        if short == link:
            return link
        link = short


def _is_host(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        labels = host.split(".")
        return len(host) <= 253 and len(labels) > 1 and all(map(_LABEL.fullmatch, labels)) and not labels[-1].isdigit()
    return True
