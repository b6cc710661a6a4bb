"""Whether what is inserted at a place is set apart from the instructions around it, and what a variable may hold."""

import re

from pilothouse.prompts.lint.draft import Draft, Part
from pilothouse.prompts.lint.pieces import Piece

__all__ = ["enclosed", "from_users", "holds_text", "labelled", "words_in"]

_NEAR = 20_000  # characters that are looked at on either side of a variable
_FENCES = ("```", "~~~", '"""', "'''", "$$$", "|||")
_PAIRS = {'"': '"', "'": "'", "“": "”", "„": "“", "‘": "’", "«": "»", "`": "`", "[": "]", "(": ")", "<": ">", "*": "*"}
_TAG = re.compile(r"<(/?)([A-Za-z_][\w.:-]{0,60})(?:\s[^<>\n]{0,200})?>|\[(/?)([A-Z_]{2,40})\]")
_RULE = re.compile(r"^[ \t]*([-=*#_~+]{3,})[^\n]{0,60}$", re.MULTILINE)
_LABEL = re.compile(r"(?:^|\n|[.?!] )[^\n.?!]{0,80}[:>\]=#][*_ \t]*\n?[ \t]*$|(?:^|\n)#+ [^\n]{1,80}\n\s*$")
_FEW = 8  # words after a variable, which are no more than a label
_NEXT = re.compile(r"\s*(?:[#<\[*=~`-]|[^\n.?!:]{1,40}:)")
_HEADING_BEFORE = re.compile(r"(?:^|\n)[ \t]*(?:#{1,6}[^\n]{1,80}|\*\*[^*\n]{1,80}\*\*:?)\s*\Z")
_HEADING_AFTER = re.compile(r"\s*\n[ \t]*(?:#{1,6}[^\n]{1,80}|\*\*[^*\n]{1,80}\*\*:?)[ \t]*(?:\n|\Z)")
_ENCODED = re.compile(r"\|\s*(?:tojson|json|e|escape|xmlattr|urlencode)\b")
_JSON_VALUE = re.compile(r"[\"']\w{1,60}[\"']\s*:\s*\Z")
_WORD = re.compile(r"[^\W\d_]{2,}")
_USERS = re.compile(
    r"^(?:user_?)?(?:question|query|prompt|message|input|utterance|request|text|comment|review|email|"
    r"e?mail_body|"
    r"post|tweet|ticket|complaint|search_?query|frage|eingabe|nachricht|anfrage|requete|entree|pregunta|"
    r"consulta|mensaje|"
    r"entrada)s?$|user_?(?:input|message|text|said|prompt)|(?:^|_)(?:question|query)(?:_str|_text)?$|"
    r"^(?:last|new|current|customer|chat|human|incoming)_message$",
    re.IGNORECASE,
)
_TEXTS = re.compile(
    r"(?:^|_)(?:context|document|doc|article|passage|transcript|content|source|chunk|snippet|conversation|dialogue|"
    r"history|email|text|body|page|report|"
    r"summary|summaries|paragraph|story|notes?|excerpt|result|output|response|answer|memory|metadata|html|diff|logs?|"
    r"trace|dokument|kontext|artikel|contexte|contexto|documento|"
    r"texto)s?(?:_str|_text|_data|_list|_block)?$",
    re.IGNORECASE,
)
_OURS = re.compile(
    r"example|instruction|schema|format|tool|system|language|template|date|time|name|num|length|size|window|_id|"
    r"count|max|"
    r"min|limit|"
    r"style|tone|role|"
    r"criteria|rubric|guideline|rules|persona|scratchpad|generated|rewritten|rewritten",
    re.IGNORECASE,
)


def from_users(draft: Draft, name: str) -> bool:
    """Whether people outside write this variable: the prompt says so, or its name does."""
    told = draft.declared(name)
    if told is not None and (told.closed or told.untrusted is not None):
        return not told.closed and bool(told.untrusted)
    return _USERS.search(name) is not None and _OURS.search(name) is None


def holds_text(draft: Draft, name: str) -> bool:
    """Whether a variable holds more than a few words, so that where it ends must be told."""
    told = draft.declared(name)
    if told is not None and (told.closed or (told.max_chars is not None and told.max_chars <= 100)):
        return False
    if told is not None and (told.untrusted or told.type in ("list", "object")):
        return True
    return from_users(draft, name) or (_TEXTS.search(name) is not None and _OURS.search(name) is None)


def enclosed(draft: Draft, part: Part, piece: Piece) -> bool:
    """Whether the variable stands between two marks: tags, fences, quotes, lines that rule off; or is encoded as JSON.
    Where a prompt declares it untrusted, rendering sets it apart."""
    if all((told := draft.declared(name)) is not None and told.untrusted for name in piece.names):
        return True
    if _ENCODED.search(piece.text) is not None:
        return True
    before, after = part.prose[max(0, piece.start - _NEAR) : piece.start], part.prose[piece.end : piece.end + _NEAR]
    left, right = before.rstrip(" \n")[-1:], after.lstrip(" \n")[:1]
    if _JSON_VALUE.search(before):
        return True
    if (left, right) == (">", "<"):
        return True
    if left in _PAIRS and left and _PAIRS[left] == right:
        return True
    if any(before.count(fence) % 2 and fence in after for fence in _FENCES):
        return True
    if _HEADING_BEFORE.search(before[-200:]) and _HEADING_AFTER.match(after):
        return True
    if _in_tags(before, after):
        return True
    lines = [found for found in _RULE.finditer(before) if len(before) - found.end() < 300]
    return bool(lines) and any(found[1][:3] == lines[-1][1][:3] for found in _RULE.finditer(after))


def _in_tags(before: str, after: str) -> bool:
    """Whether a tag is open here which is closed later."""
    closed_later = {(found[2] or found[4]).lower() for found in _TAG.finditer(after) if found[1] or found[3]}
    open_here = list[str]()
    for found in _TAG.finditer(before):
        name = (found[2] or found[4]).lower()
        if not (found[1] or found[3]):
            open_here.append(name)
        elif name in open_here:
            del open_here[len(open_here) - 1 - open_here[::-1].index(name) :]
    return not closed_later.isdisjoint(open_here)


def labelled(part: Part, piece: Piece) -> bool:
    """Whether a label or a heading leads to the variable, and the next one, or next to nothing, follows it."""
    before, after = part.prose[max(0, piece.start - 200) : piece.start], part.prose[piece.end : piece.end + 200]
    before = before.removesuffix("$")  # `${name}`, as shells and string.Template have it
    return (
        not after.partition("\n")[0].strip(" \t.")
        and (_LABEL.search(before) is not None or not before.rpartition("\n")[2].strip())
        and (words_in(after) < _FEW or _NEXT.match(after) is not None)
    )


def words_in(text: str) -> int:
    """How many words a text has, those of one letter left out."""
    return len(_WORD.findall(text))
