"""P15x: two instructions of one prompt that no answer can follow both. Knows English, German, French and Spanish.

A sentence with a condition ("if", "unless", "or") contradicts nothing: which holds depends.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from pilothouse.prompts.lint.draft import Draft, Part
from pilothouse.prompts.lint.finding import Hit, Rule, at

__all__ = ["CONTRADICTIONS"]

_MOST_SENTENCES = 2_000  # of a prompt that are held against each other
_NEAR = 400  # characters before a sentence, in which a word says that it is an example of something
_SHOWN = re.compile(r"\b(?:examples?|beispiele?|exemples?|ejemplos?)\b", re.IGNORECASE)
_SENTENCE = re.compile(r"[^.!?\n]{1,600}(?:[.!?](?=\s|$)|\n|$)?")
_CONDITIONAL = re.compile(
    r"\b(?:if|when|unless|except|otherwise|either|or|depending|for example|e\.g|instead|but|falls|wenn|sofern|außer|"
    r"sonst|oder|entweder|"
    r"si|sauf|sinon|ou|cuando|salvo|excepto|o bien)\b", re.IGNORECASE
)  # fmt: skip
_PARTIAL = re.compile(
    r"\b(?:fields?|keys?|values?|propert\w+|strings?|columns?|attribute|section|feld\w*|schlüssel|wert\w*|champs?|"
    r"clés?|valeurs?|"
    r"campos?|claves?|valor\w*|title|heading|titel|titre|título|input|question|example|code ?block|fence)\b|`|"
    r"[\"']\w+[\"']",
    re.IGNORECASE,
)
_ASKING = (
    r"(?:answer|answers|respond|response|responses|reply|replies|output|return|write|produce|format|antworte|"
    r"antwort|ausgabe|schreibe?|liefere|"
    r"réponds|répondez|réponse|renvoie|écris|écrivez|responde|responda|respuesta|devuelve|escribe)"
)
_FORMS = {
    "JSON": r"json", "XML": r"xml", "YAML": r"yaml", "CSV": r"csv", "HTML": r"html", "Markdown": r"markdown",
    "plain prose": r"plain (?:text|prose|english)|prose|fließtext|reinem text|texte (?:brut|simple)|prosa|texto "
                   r"plano|texto sin formato",
}  # fmt: skip
_FORM = re.compile(
    rf"\b{_ASKING}\b[^.\n]{{0,40}}?\b(?:{'|'.join(f'({form})' for form in _FORMS.values())})\b", re.IGNORECASE
)
_NO_FORM = re.compile(
    r"\b(?:no|(?:do not|don't|never|avoid) (?:use|using|output|return|write|include|add|answer in|reply in|respond "
    r"in)|without|kein\w*|"
    r"(?:verwende|nutze) (?:nie|kein\w*)|n'utilise[rz]? pas(?: de)?|sans|no (?:uses?|utilices))\s+(?:any )?"
    rf"(?:{'|'.join(f'({form})' for form in _FORMS.values())})\b",
    re.IGNORECASE,
)
_ONLY = re.compile(
    r"\b(?:other than|anything but|except|besides|outside|beyond|nothing but|nur|sauf|excepto)\b", re.IGNORECASE
)
_BRIEF = re.compile(
    r"\b(?:be|stay|keep (?:it|your \w+|the \w+|\w+))(?: very| as)? (?:brief|concise|short|succinct|terse)|"
    r"\b(?:answer|respond|reply|explain|write)\b"
    r"[^.\n]{0,30}\b(?:briefly|concisely|in (?:one|a single|1) (?:sentence|word|line))|\bfasse dich kurz|"
    r"(?:antworte|schreibe?)\b[^.\n]{0,30}\b(?:kurz|knapp|"
    r"in einem satz)|(?:sois|soyez) (?:bref|concis)|(?:réponds|répondez)\b[^.\n]{0,30}\b(?:brièvement|en une(?: "
    r"seule)? phrase|en un mot)|"
    r"s[eé] (?:breve|conciso)|(?:responde|responda)\b[^.\n]{0,30}\b(?:brevemente|en una(?: sola)? frase)", re.IGNORECASE
)  # fmt: skip
_DETAILED = re.compile(
    r"\b(?:be|stay)(?: very| as)? (?:detailed|thorough|comprehensive|exhaustive|verbose|elaborate)|\b(?:answer|"
    r"respond|reply|explain|describe|write)\b"
    r"[^.\n]{0,50}\b(?:in (?:great |full |as much )?detail|at length|thoroughly|exhaustively|comprehensively|in depth)|"
    r"\b(?:provide|give|write)\b[^.\n]{0,20}\b(?:detailed|comprehensive|exhaustive|in-depth|long) (?:answers?|"
    r"responses?|explanations?|repl\w+)|"
    r"(?:antworte|erkläre|beschreibe|schreibe?)\b[^.\n]{0,40}\b(?:ausführlich|detailliert|im detail)|(?:réponds|"
    r"répondez|explique[rz]?)\b[^.\n]{0,40}\b"
    r"(?:en détail|de façon détaillée|longuement)|(?:responde|responda|explica|explique)\b[^.\n]{0,40}\b(?:en "
    r"detalle|detalladamente|con todo detalle)",
    re.IGNORECASE,
)
_ALWAYS = re.compile(
    r"\b(?:always|must|immer|stets|toujours|siempre)\s+(?!not\b|never\b|nicht\b)([^.;:,!?\n]{3,80})", re.IGNORECASE
)
_NEVER = re.compile(
    r"\b(?:never|do not|don't|must not|under no circumstances|niemals|nie|jamais|nunca)\s+(?:ever "
    r")?([^.;:,!?\n]{3,80})",
    re.IGNORECASE,
)
_ARTICLES = (
    "a an the any your its it to of in and or is be that this with for ein eine einen der die das den le la les un "
    "une des el los las una"
)
_LITTLE = frozenset(_ARTICLES.split())
_TONGUES = {
    "English": "english|englisch|anglais|inglés", "German": "german|deutsch|allemand|alemán", "French":
    "french|französisch|français|francés",
    "Spanish": "spanish|spanisch|espagnol|español", "Italian": "italian|italienisch|italien|italiano", "Portuguese":
    "portuguese|portugiesisch|portugais|portugués",
    "Chinese": "chinese|chinesisch|chinois|chino|mandarin", "Japanese": "japanese|japanisch|japonais|japonés", "Dutch":
    "dutch|niederländisch|néerlandais",
    "Polish": "polish|polnisch|polonais|polaco", "Russian": "russian|russisch|russe|ruso", "Korean":
    "korean|koreanisch|coréen|coreano",
}  # fmt: skip
_TONGUE = re.compile(
    rf"\b{_ASKING}\b[^.\n]{{0,30}}?\b(?:in|auf|en)\s+(?:\w+ "
    rf")?(?:{'|'.join(f'({words})' for words in _TONGUES.values())})\b",
    re.IGNORECASE,
)
_UNIT = (
    r"(words?|wörter\w*|worte\w*|mots?|palabras?)|(sentences?|sätze\w*|satz|phrases?|frases?|oraciones)|"
    r"(paragraphs?|absätze\w*|absatz|paragraphes?|"
    r"párrafos?)|(lines?|zeilen?|lignes?|líneas?)|(characters?|zeichen|caractères|caracteres)|(bullet points?|"
    r"bullets|items|stichpunkte\w*|puces|viñetas)"
)
_NUMBERS = {
    word: number for number, words in enumerate(
        ("one ein einem une un una", "two zwei deux dos", "three drei trois tres", "four vier quatre cuatro",
            "five fünf cinq cinco", "six sechs",
         "seven sieben sept siete", "eight acht huit ocho", "nine neun neuf nueve", "ten zehn dix diez"), 1
    ) for word in words.split()
}  # fmt: skip
_LIMIT = re.compile(
    r"\b(?:(at most|no more than|up to|maximum(?: of)?|fewer than|less than|under|höchstens|maximal|au plus|maximum "
    r"de|como máximo|máximo)|(at least|no fewer than|"
    rf"minimum(?: of)?|more than|mindestens|au moins|al menos|como mínimo)|(exactly|precisely|genau|exactement|"
    rf"exactamente))\s+(\d{{1,6}}|{'|'.join(_NUMBERS)})"
    rf"(?:\s+\w+)?\s+(?:{_UNIT})\b", re.IGNORECASE
)  # fmt: skip
_SUBJECT = re.compile(
    r"\b(answers?|response|reply|output|summary|title|subject|headline|description|explanation|heading|caption|bio|"
    r"intro\w*|conclusion|"
    r"paragraph|section|bullet|antwort|titel|zusammenfassung|réponse|titre|résumé|respuesta|título|resumen|each|"
    r"every|jede\w*|chaque|cada)\b",
    re.IGNORECASE,
)
_SAME = {
    "answers": "answer",
    "response": "answer",
    "reply": "answer",
    "output": "answer",
    "antwort": "answer",
    "réponse": "answer",
    "respuesta": "answer",
}


@dataclass(frozen=True, slots=True)
class _Said:
    """An instruction: what kind of thing it asks for, and where."""

    what: str
    part: Part
    start: int
    end: int

    @property
    def quoted(self) -> str:
        return " ".join(self.part.text[self.start : self.end].split())[:80]


def _sentences(draft: Draft) -> Iterator[tuple[Part, int, str]]:
    """The sentences without a condition, each with where it begins; examples of answers are none."""
    left = _MOST_SENTENCES
    for part in draft.parts:
        if part.role == "assistant":
            continue
        for found in _SENTENCE.finditer(part.prose):
            left -= 1
            if left < 0:
                return
            near = part.prose[max(0, found.start() - _NEAR) : found.start()]
            if found.group().strip() and _CONDITIONAL.search(found.group()) is None and not _SHOWN.search(near):
                yield part, found.start(), found.group()


def _hit(one: _Said, other: _Said, text: str, instead: str) -> Hit:
    line, _ = one.part.place(one.start)
    return Hit(
        at(other.part, other.start, other.end), f"{text}: '{other.quoted}' against '{one.quoted}' in line {line}.",
        "No answer follows both; the model follows one of them, not always the same.", instead,
    )  # fmt: skip


def _formats(draft: Draft) -> Iterator[Hit]:
    asked, refused = list[_Said](), list[_Said]()
    names = list(_FORMS)
    for part, start, sentence in _sentences(draft):
        if _PARTIAL.search(sentence):
            continue
        no = None if _ONLY.search(sentence) else _NO_FORM.search(sentence)
        if no is not None:
            refused.append(_Said(names[(no.lastindex or 1) - 1], part, start + no.start(), start + no.end()))
        elif (yes := _FORM.search(sentence)) is not None:
            asked.append(_Said(names[(yes.lastindex or 1) - 1], part, start + yes.start(), start + yes.end()))
    kind = str((draft.response_format or {}).get("type", ""))
    for one in asked:
        if kind.startswith("json") and one.what != "JSON":
            yield Hit(
                at(one.part, one.start, one.end), f"It asks for {one.what}, and `response_format` is {kind}.",
                "The provider forces JSON, whatever the text asks for.", "Answer in JSON.",
            )  # fmt: skip
    pair = next(((one, other) for one, other in combinations(asked, 2) if one.what != other.what), None)
    if pair is None:
        pair = next(((one, no) for one in asked for no in refused if one.what == no.what), None)
    if pair is not None:
        yield _hit(*pair, "Two forms are asked for", f"Keep one of them: Answer in {pair[0].what} and nothing else.")


def _lengths(draft: Draft) -> Iterator[Hit]:
    brief, detailed = list[_Said](), list[_Said]()
    for part, start, sentence in _sentences(draft):
        short, long = _BRIEF.search(sentence), _DETAILED.search(sentence)
        if short is not None and long is None:
            brief.append(_Said("brief", part, start + short.start(), start + short.end()))
        elif long is not None and short is None:
            detailed.append(_Said("detailed", part, start + long.start(), start + long.end()))
    if brief and detailed:
        yield _hit(brief[0], detailed[0], "Short and detailed are both asked for", "Write at most five sentences.")


def _orders(draft: Draft) -> Iterator[Hit]:
    """`never X` beside `always X`."""
    always, never = list[tuple[tuple[str, ...], _Said]](), list[tuple[tuple[str, ...], _Said]]()
    for part, start, sentence in _sentences(draft):
        for found, told in ((_NEVER.search(sentence), never), (_ALWAYS.search(sentence), always)):
            if found is not None and (words := _gist(found[1])):
                told.append((words, _Said("", part, start + found.start(), start + found.end())))
                break
    by_gist = dict(reversed(always))
    for words, no in never:
        if (yes := by_gist.get(words)) is not None:
            first, second = sorted((yes, no), key=lambda one: (one.part.index or 0, one.start))
            yield _hit(first, second, "It is both demanded and forbidden", "Say in which case each of the two holds.")
            return


def _gist(words: str) -> tuple[str, ...]:
    """What an order is about: its first three words that carry meaning, without endings."""
    told = [word for word in re.findall(r"\w+", words.lower()) if word not in _LITTLE]
    return tuple(word.removesuffix("s") for word in told[:3]) if len(told) >= 2 else ()


def _languages(draft: Draft) -> Iterator[Hit]:
    names, told = list(_TONGUES), list[_Said]()
    for part, start, sentence in _sentences(draft):
        if (found := _TONGUE.search(sentence)) is not None and _PARTIAL.search(sentence) is None:
            told.append(_Said(names[(found.lastindex or 1) - 1], part, start + found.start(), start + found.end()))
    for one, other in combinations(told[:20], 2):
        if one.what != other.what:
            yield _hit(one, other, "Two languages are asked for", f"Answer in {one.what}.")
            return


def _limits(draft: Draft) -> Iterator[Hit]:
    told = list[tuple[str, int, str, _Said]]()
    for part, start, sentence in _sentences(draft):
        for found in _LIMIT.finditer(sentence):
            unit = next(place for place in range(5, 11) if found[place])
            kind = "most" if found[1] else "least" if found[2] else "exactly"
            number = _NUMBERS.get(found[4].lower()) or int(found[4]) if not found[4].isdigit() else int(found[4])
            subject = _about(sentence)
            told.append(
                (kind, number, f"{unit} {subject}", _Said("", part, start + found.start(), start + found.end()))
            )
    for (kind, number, of, one), (kind_2, number_2, of_2, other) in combinations(told[:50], 2):
        if of == of_2 and _apart({kind: number}, {kind_2: number_2}, kind == kind_2):
            yield _hit(one, other, "Two limits are set for one thing", "Keep one of the two limits.")
            return


def _about(sentence: str) -> str:
    """What a limit is set for: the first thing that its sentence names, the answer where it names none."""
    found: Sequence[str] = [word.lower() for word in _SUBJECT.findall(sentence)]
    label = re.match(r"\W*([\w ]{2,30})[:(]", sentence)
    words = {_SAME.get(word, word) for word in found}
    return (label[1].lower() if label else "") + " ".join(sorted(words or {"answer"}))


def _apart(one: dict[str, int], other: dict[str, int], same_kind: bool) -> bool:
    """Whether no number keeps both limits, or one of the two is idle."""
    both = {**one, **other}
    if same_kind:
        return one != other
    if "exactly" in both:
        exact, bound = both["exactly"], next(both[kind] for kind in both if kind != "exactly")
        return exact > bound if "most" in both else exact < bound
    return both["least"] > both["most"]


CONTRADICTIONS = (
    Rule("P151", "contradictory-formats", "warning", _formats),
    Rule("P152", "contradictory-lengths", "warning", _lengths),
    Rule("P153", "contradictory-orders", "warning", _orders),
    Rule("P154", "contradictory-languages", "warning", _languages),
    Rule("P155", "contradictory-limits", "warning", _limits),
)
"""What two instructions of a prompt may contradict each other in."""
