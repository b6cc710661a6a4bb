"""Looks for forms in a text that comes in pieces. What it finds is the same however the text is cut; a whole text is
one piece.

Each form is searched from left to right, as far as it is decided: what a form finds at a place hangs on the characters
from a little before it to where something stands that it cannot hold. Where two forms claim the same characters the one
named first has them, and the other keeps what is left of it, if that alone is something.
"""

import re
from collections.abc import Sequence

from pilothouse.pii.claims import Claim, Found, clusters, resolved
from pilothouse.pii.forms import CONTEXT, Alphabet, Form, Hint, Signs

__all__ = ["STRIDE", "Hinted", "Scan", "hinted", "looked_through"]

Hinted = Sequence[tuple[Hint, Sequence[tuple[int, Form]]]]
"""Forms with their rank, by what hints at them."""

_SIGNS = {
    Alphabet.NUMBER: "0123456789 -./()+,extEXT",
    Alphabet.CODE: "ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÜ0123456789 -.+",
}
_no_space = re.compile(r"\S*").match
_date_begins = re.compile(r"(?<![\w.])[0-9JFMASOND]").search
_LONGEST_DATE = 36
_LONGEST_RUN = 600
_telling = re.compile(r"[0-9@=:]|-----|[A-Za-z0-9_.-]{16}|[Bb](?:earer|asic) ").search
"""What every form holds at least, so that a text without needs no look. Twenty characters hold enough of it to be
seen."""
_QUIET = 400
"""Characters without any of that after which nothing is begun that is not."""
_SEEN = 24
STRIDE = 16
"""Characters between two looks."""


def hinted(forms: Sequence[Form]) -> Hinted:
    """For a Scan: the more certain forms first."""
    by_hint = dict[Hint, list[tuple[int, Form]]]()
    for rank, form in enumerate(forms):
        by_hint.setdefault(form.hint, []).append((rank, form))
    return [*by_hint.items()]


def looked_through(text: str, forms: Hinted, kinds: frozenset[str]) -> list[Found]:
    """What a whole text holds of these kinds, in order."""
    signs, claims = Signs(text), list[Claim]()
    for hint, ranked in forms:
        if hint(signs):
            for rank, form in ranked:
                _search(text, rank, form, 0, None, claims)
    if not claims:
        return []
    by_rank = {rank: form for _, ranked in forms for rank, form in ranked}
    return [one for cluster in clusters(claims) for one in resolved(cluster, text, by_rank) if one.kind in kinds]


class Scan:
    """Feed it the pieces, then `end` it. `settled` characters from the begin are decided: what was found there is
    told."""

    def __init__(self, forms: Hinted, kinds: frozenset[str]) -> None:
        self._hinted, self._kinds = forms, kinds
        self._forms = {rank: form for _, ranked in forms for rank, form in ranked}
        self._leasts = dict[Alphabet, int]()
        for form in self._forms.values():
            self._leasts[form.alphabet] = max(form.least, self._leasts.get(form.alphabet, 0))
        self._cued_reach = CONTEXT + max((form.least for form in self._forms.values() if form.cued), default=0)
        self._text, self._base = "", 0
        self._told_at = self._looked_at = self._decided = self._cued_from = 0
        self._at: dict[int, int] = {}
        self._begun: dict[int, int] = {}
        self._claims: list[Claim] = []
        self.settled = 0

    def feed(self, text: str) -> list[Found]:
        """What is newly found, in order; places count from the begin of the whole text."""
        self._forget()
        before = len(self._text)
        self._text += text
        size = len(self._text)
        if _telling(self._text, max(0, before - _SEEN)) is not None:
            self._told_at = self._base + size
        if not (self._begun or self._claims) and self._base + size - self._told_at > _QUIET and size < 4 * _QUIET:
            tail = _no_space(self._text[-_LONGEST_RUN:][::-1])
            self.settled = max(self.settled, self._base + size - (tail.end() if tail else 0))
            return []
        if self._base + size - self._looked_at < STRIDE:
            return []
        return self._look(last=False)

    def end(self) -> list[Found]:
        """The rest."""
        return self._look(last=True)

    def said(self, found: Found) -> str:
        """What stands there, of what the last call told."""
        return self._text[found.start - self._base : found.end - self._base]

    def _look(self, *, last: bool) -> list[Found]:
        text, base = self._text, self._base
        size = len(text)
        self._looked_at = base + size
        open_at = dict.fromkeys(Alphabet, size) if last else _open(text)
        decided = size if last else min(max(open_at[one], size - least) for one, least in self._leasts.items())
        before, self._begun = self._begun, {}
        start = min([self._decided, self._cued_from, *before.values()]) - base - CONTEXT
        signs = Signs(text[max(0, start) :])
        for hint, ranked in self._hinted:
            if not hint(signs):
                continue
            for rank, form in ranked:
                since = self._cued_from if form.cued else self._decided
                at = before.get(rank, max(since, self._at.get(rank, 0))) - base
                until = None if last else open_at[form.alphabet]
                begun, at, match_at = _search(text, rank, form, max(0, at), until, self._claims, base)
                if begun is not None:
                    tried = size - form.least - CONTEXT if form.cued else max(open_at[form.alphabet], size - form.least)
                    decided, self._begun[rank] = min(decided, begun), base + max(at, min(match_at, tried))
                elif self._claims and self._claims[-1].rank == rank:
                    self._at[rank] = base + at
        self._decided = max(self._decided, base + decided)
        self._cued_from = max(self._cued_from, base + size - self._cued_reach)
        return self._tell(base + decided, last=last)

    def _tell(self, decided: int, *, last: bool) -> list[Found]:
        """What nothing that comes can change any more."""
        found, settled = list[Found](), decided
        waiting = list[Claim]()
        for cluster in clusters(self._claims):
            if not waiting and (last or max(one.end for one in cluster) <= decided):
                found += resolved(cluster, self._text, self._forms, self._base)
                continue
            waiting += cluster
            settled = min(settled, cluster[0].start)
        self._claims = waiting
        self.settled = max(self.settled, settled)
        return [one for one in found if one.kind in self._kinds]

    def _forget(self) -> None:
        """What nobody looks at again."""
        looked = [self.settled, self._decided, self._cued_from, *self._begun.values()]
        needed = min(looked + [one.start for one in self._claims[:1]])
        drop = needed - 2 * CONTEXT - self._base
        if drop > 0:
            self._text, self._base = self._text[drop:], self._base + drop


def _search(
    text: str, rank: int, form: Form, at: int, open_at: int | None, claims: list[Claim], base: int = 0
) -> tuple[int | None, int, int]:
    """Note what a form finds from `at` on. Returns where something begins that is not decided, None where there is
    nothing of that; up to where all is noted; and where the match begins that is not decided."""
    group, tell, search = int(form.cued), form.tell, form.pattern.search
    while (match := search(text, at)) is not None:
        start, end = match.span(group)
        if open_at is not None and _is_open(text, form, start, open_at):
            return start, at, match.start()
        told = tell(text[start:end], text[max(0, start - CONTEXT) : start])
        if told is None:
            at = match.start() + 1
            continue
        kind, length = (told, end - start) if isinstance(told, str) else told
        claims.append(Claim(base + start, rank, base + start + length, kind))
        at = start + max(length, 1)
    return None, at, at


def _is_open(text: str, form: Form, start: int, open_at: int) -> bool:
    """Whether what begins here may still grow."""
    if len(text) - start >= form.longest:
        return False
    if form.body is None:
        return start >= open_at
    body = form.body.match(text, start)
    return body is None or body.end() == len(text)


def _open(text: str) -> dict[Alphabet, int]:
    """From where on a text's end may go on to be something, by what that consists of."""
    size = len(text)
    tail = text[-_LONGEST_RUN:]
    before = size - len(tail)
    reach = _no_space(tail[::-1])
    opens = {Alphabet.WORD: size - (reach.end() if reach else 0)}
    for alphabet, signs in _SIGNS.items():
        opens[alphabet] = before + len(tail.rstrip(signs))
    date = _date_begins(text, max(0, size - _LONGEST_DATE))
    opens[Alphabet.DATE] = size if date is None else date.start()
    return opens
