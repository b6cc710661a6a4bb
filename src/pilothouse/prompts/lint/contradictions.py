"""P15x: two instructions of one prompt that no answer can follow both. Knows English, German, French and Spanish."""

import re
from collections.abc import Iterator, Sequence
from itertools import combinations

from pilothouse.prompts.lint.draft import Draft
from pilothouse.prompts.lint.finding import Hit, Rule, at
from pilothouse.prompts.lint.instructions import PARTIAL, Said, against, sentences
from pilothouse.prompts.lint.orders import ORDERS

__all__ = ["CONTRADICTIONS"]

_ASKING = (
    r"(?:answer|answers|respond|response|responses|reply|replies|output|return|write|produce|format|deliver|list|"
    r"antworte|"
    r"antwort|ausgabe|schreibe?|liefere|"
    r"réponds|répondez|réponse|renvoie|écris|écrivez|responde|responda|respuesta|devuelve|escribe)"
)
_FORMS = {
    "JSON": r"json", "XML": r"xml", "YAML": r"yaml", "CSV": r"csv", "HTML": r"html", "Markdown": r"markdown",
    "a table": r"(?:a|one) (?:\w+ )?table|eine\w* tabelle|un tableau|una tabla",
    "bullet points": r"bullet(?:ed)? (?:points?|lists?)|stichpunkte\w*|liste à puces|viñetas",
    "plain prose": r"plain (?:text|prose|english)|prose|fließtext|reinem text|texte (?:brut|simple)|prosa|texto "
                   r"plano|texto sin formato",
}  # fmt: skip
_TOGETHER = ({"Markdown", "a table"}, {"Markdown", "bullet points"}, {"HTML", "a table"}, {"HTML", "bullet points"},
             {"CSV", "a table"}, {"a table", "bullet points"}, {"plain prose", "bullet points"})  # fmt: skip
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
_NEGATED = re.compile(r"\b(?:not|never|don't|avoid|nicht|nie|ne|jamais|nunca)\b", re.IGNORECASE)
_ONLY = re.compile(
    r"\b(?:other than|anything but|except|besides|outside|beyond|nothing but|nur|sauf|excepto)\b", re.IGNORECASE
)
_BRIEF = re.compile(
    r"\b(?:be|stay|keep (?:it|your \w+|the \w+|\w+))(?: very| as)? (?:brief|concise|short|succinct|terse)|"
    r"\b(?:answer|respond|reply|explain|write)\b"
    r"[^.\n]{0,30}\b(?:briefly|concisely|in (?:one|a single|1) (?:sentence|word|line))|\blimit (?:the|your) \w+ to "
    r"(?:one|a single|two) \w+|\bfasse dich kurz|"
    r"(?:antworte|schreibe?)\b[^.\n]{0,30}\b(?:kurz|knapp|"
    r"in einem satz)|(?:sois|soyez) (?:bref|concis)|(?:réponds|répondez)\b[^.\n]{0,30}\b(?:brièvement|en une(?: "
    r"seule)? phrase|en un mot)|"
    r"s[eé] (?:breve|conciso)|(?:responde|responda)\b[^.\n]{0,30}\b(?:brevemente|en una(?: sola)? frase)", re.IGNORECASE
)  # fmt: skip
_DETAILED = re.compile(
    r"\b(?:be|stay)(?: very| as)? (?:detailed|thorough|comprehensive|exhaustive|verbose|elaborate)|\b(?:answer|"
    r"respond|reply|explain|describe|write)\b"
    r"[^.\n]{0,50}\b(?:in (?:great |full |as much )?detail|at length|thoroughly|exhaustively|comprehensively|in depth)|"
    r"\b(?:provide|give|write|into)\b[^.\n]{0,20}\b(?:detailed|comprehensive|exhaustive|in-depth|extensive|lengthy|"
    r"long) "
    r"(?:(?:and|final) \w+ |final )?(?:answers?|responses?|explanations?|repl\w+|accounts?|messages?|essays?)|"
    r"\belaborate on\b|"
    r"\bat least (?:[3-9]\d\d|\d,?\d{3}) words|"
    r"(?:antworte|erkläre|beschreibe|schreibe?)\b[^.\n]{0,40}\b(?:ausführlich|detailliert|im detail)|(?:réponds|"
    r"répondez|explique[rz]?)\b[^.\n]{0,40}\b"
    r"(?:en détail|de façon détaillée|longuement)|(?:responde|responda|explica|explique)\b[^.\n]{0,40}\b(?:en "
    r"detalle|detalladamente|con todo detalle)",
    re.IGNORECASE,
)
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
    r"bullets|items|stichpunkte\w*|puces|viñetas)|([a-z]{3,}s)"
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


def _formats(draft: Draft) -> Iterator[Hit]:
    asked, refused = list[Said](), list[Said]()
    names = list(_FORMS)
    for part, start, sentence in sentences(draft):
        no = None if _ONLY.search(sentence) else _NO_FORM.search(sentence)
        if no is not None and not PARTIAL.search(sentence):
            refused.append(Said(names[(no.lastindex or 1) - 1], part, start + no.start(), start + no.end()))
        elif (
            (yes := _FORM.search(sentence)) is not None
            and not PARTIAL.search(sentence, 0, yes.end())
            and not _NEGATED.search(sentence, 0, yes.start())
        ):
            asked.append(Said(names[(yes.lastindex or 1) - 1], part, start + yes.start(), start + yes.end()))
    kind = str((draft.response_format or {}).get("type", ""))
    for one in asked:
        if kind.startswith("json") and one.what != "JSON":
            yield Hit(
                at(one.part, one.start, one.end), f"It asks for {one.what}, and `response_format` is {kind}.",
                "The provider forces JSON, whatever the text asks for.", "Answer in JSON.",
            )  # fmt: skip
    pair = next(
        (
            (one, other)
            for one, other in combinations(asked, 2)
            if one.what != other.what and {one.what, other.what} not in _TOGETHER
        ),
        None,
    )
    if pair is None:
        pair = next(((one, no) for one in asked for no in refused if one.what == no.what), None)
    if pair is not None:
        yield against(*pair, "Two forms are asked for", f"Keep one of them: Answer in {pair[0].what} and nothing else.")


def _lengths(draft: Draft) -> Iterator[Hit]:
    brief, detailed = list[Said](), list[Said]()
    for part, start, sentence in sentences(draft):
        short, long = _BRIEF.search(sentence), _DETAILED.search(sentence)
        if short is not None and long is None:
            brief.append(Said("brief", part, start + short.start(), start + short.end()))
        elif long is not None and short is None:
            detailed.append(Said("detailed", part, start + long.start(), start + long.end()))
    if brief and detailed:
        yield against(brief[0], detailed[0], "Short and detailed are both asked for", "Write at most five sentences.")


def _languages(draft: Draft) -> Iterator[Hit]:
    names, told = list(_TONGUES), list[Said]()
    for part, start, sentence in sentences(draft):
        if (found := _TONGUE.search(sentence)) is not None and PARTIAL.search(sentence) is None:
            told.append(Said(names[(found.lastindex or 1) - 1], part, start + found.start(), start + found.end()))
    for one, other in combinations(told[:20], 2):
        if one.what != other.what:
            yield against(one, other, "Two languages are asked for", f"Answer in {one.what}.")
            return


def _limits(draft: Draft) -> Iterator[Hit]:
    told = list[tuple[str, int, str, Said]]()
    for part, start, sentence in sentences(draft):
        for found in _LIMIT.finditer(sentence):
            place = next(place for place in range(5, 12) if found[place])
            unit = place if place < 11 else found[place].lower()
            kind = "most" if found[1] else "least" if found[2] else "exactly"
            number = _NUMBERS.get(found[4].lower()) or int(found[4]) if not found[4].isdigit() else int(found[4])
            subject = _about(sentence)
            told.append((kind, number, f"{unit} {subject}", Said("", part, start + found.start(), start + found.end())))
    for (kind, number, of, one), (kind_2, number_2, of_2, other) in combinations(told[:50], 2):
        if (
            of == of_2
            and (kind != kind_2 or of[0].isdigit())
            and _apart({kind: number}, {kind_2: number_2}, kind == kind_2)
        ):
            yield against(one, other, "Two limits are set for one thing", "Keep one of the two limits.")
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
    ORDERS[0],
    Rule("P154", "contradictory-languages", "warning", _languages),
    Rule("P155", "contradictory-limits", "warning", _limits),
    ORDERS[1],
)
"""What two instructions of a prompt may contradict each other in."""
