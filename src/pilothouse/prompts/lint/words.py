"""The words by which a prompt shows that it follows a practice, in English, German, French and Spanish.

A word that hints at a practice in any of the four counts in all: who writes one prompt in two languages is not nagged.
Which prompts the practices are asked of at all, `language` says.
"""

import re
from collections.abc import Mapping
from functools import cache

from pilothouse.stats.language import language_of

__all__ = ["LANGUAGES", "language", "says", "shows"]

LANGUAGES = ("en", "de", "fr", "es")
"""Those whose words are known here."""

_BEGIN = r"(?:^|[.!?:]\s)[ \t#*>_-]{0,20}"  # of a sentence: what is quoted in another begins behind its quotes
_LENGTHS = (
    r"in (?:one|two|three|four|five|a single|\d+)(?: to \w+|-\w+)? (?:short |concise )?(?:words?|sentences?|lines?|"
    r"paragraphs?|bullet)",
    r"in (?:einem|zwei|drei|vier|fünf|höchstens|maximal|\d+)(?: \w+)? (?:satz|sätzen|worten|wörtern|absätzen|zeilen)",
    r"en (?:une?|deux|trois|quatre|cinq|\d+)(?: seule?)? (?:phrases?|mots?|paragraphes?|lignes?)",
    r"en (?:una?|dos|tres|cuatro|cinco|\d+)(?: sola)? (?:frases?|oraci[oó]n(?:es)?|palabras?|párrafos?|líneas?)",
)
_WORDS: Mapping[str, tuple[str, ...]] = {
    "format": (
        r"(?:return|answer|respond|say|output|print|write)(?: with)? [\"'`“]?(?:yes|true|none)\b|\bexact "
        r"characters\b|\bverbatim\b|"
        r"\bas[- ]is\b|\burl\b",  # what is asked for is a form
        r"\b(?:rephrase|rewrite|translate|paraphrase|standalone|reformuliere|übersetze|reformule[rz]?|traduis|"
        r"traduisez|traduce|reescribe)\b",
        r"(?:\n|[.?!] )[#*> ]*(?!.{0,30}(?:answer|response|output|result|assistant|\bai\b|antwort|réponse|"
        r"respuesta))[A-ZÄÖÜÉ][\w ]{2,40}:[*\s]*\Z",
        r"(?:answer|return|respond with|reply)[ \t]{3,}|(?:labels?|categories|classes|options)\b[^.\n]{0,40}[\[:(]|"
        r"\bcall (?:the|this|a)\b[^.\n]{0,40}\b(?:function|tool)|"
        r"\binto (?:one|two|\d)|\bown line\b|\bor not\b|\bspec\b|\bsyntax\b|\blist (?:down |out )?(?:the|all|top|up "
        r"to|\d)|\b(?:a|the) title\b|\(0\)|"
        r"\(1\)",
        r"\b(?:json|ya?ml|xml|csv|html|markdown|latex|sql)\b", r"\bcode ?block|\btables?\b|\bbullets?\b|numbered|"
                                                               r"\blists?\b of",
        r"comma[- ]separated|per line\b|one or two (?:lines|sentences)|each on a new line|newline|\bnothing else\b|"
        r"\bno other text\b",
        r"(?:output|response|answer|reply|return) (?:format|structure|template)|\bformat(?:ted)?\b",
        r"(?:respond|reply|answer|return|output|write|print|produce)\b[^.\n]{0,60}?\b(?:only|just|with|in the form|"
        r"as an?|as follows|"
        r"in this|in the following|either|one of|using)\b",
        r"only (?:return|output|respond|reply|answer|write|print|the)\b|(?:one|single|exactly one) (?:word|number|"
        r"letter|label|line|"
        r"sentence|paragraph)|[\"'“]?yes[\"'”]? or [\"'“]?no\b|true or false|\bscore (?:from|between|of)\b|from \d+ "
        r"to \d+",
        r"(?:answer|output|response|reply|summary|result|question|query|queries)s? (?:should|must|has to|have to|"
        r"needs? to|will) (?:be|have|contain|"
        r"follow|start|begin|end|use|only|not)",
        *_LENGTHS, r"</?\w+>\s*\.\.\.|\bstructured?\b|\bschema\b|\bscale\b|\brubric\b",
        r"\b(?:keep|be|stay|write|answer|reply|respond)\b[^.\n]{0,40}\b(?:short|brief|concise)(?:ly)?\b",
        r"\b(?:write|compose|draft|compile|create|generate|produce|prepare|return|as)\b[^.\n]{0,30}?\b(?:reports?|"
        r"notes|"
        r"e-?mails?|letters?|essays?|articles?|posts?|tweets?|poems?|slides?|messages?|headlines?|captions?|"
        r"statements?|"
        r"questions?|quer(?:y|ies)|function|program|diff|patch|script|plan)\b",
        r"tabelle|stichpunkt|aufzählung|\bliste\b|nummeriert|\bformat|ausgabe(?:format)?\b|"
        r"(?:antworte|gib|schreibe?|liefere)\b[^.\n]{0,60}?\b(?:nur|ausschließlich|mit|als|im|folgende)",
        r"tableau|\bpuces\b|numérotée|\bliste\b|sous (?:la )?forme|(?:réponds|répondez|renvoie|renvoyez|écris|"
        r"écrivez|donne)\b[^.\n]{0,60}?\b"
        r"(?:uniquement|seulement|par|avec|sous|au format)",
        r"\btabla\b|viñetas|numerada|\blista\b|formato|en forma de|(?:responde|responda|devuelve|devuelva|escribe|"
        r"escriba)\b[^.\n]{0,60}?\b"
        r"(?:solo|sólo|únicamente|con|en)\b",
    ),
    "examples": (
        r"\bexamples?\b|\be\.g\.|for instance|\blike (?:this|these|the following)\b|few[- ]shot|\bsample (?:input|"
        r"output)|```",
        r"^[ \t]*(?:input|q|question|user|human)[ \t]*:[ \t]*\S[^\n]*\n\s*(?:output|a|answer|assistant|ai)[ \t]*:[ "
        r"\t]*\S", r"^[ \t]*(\w[\w ]{0,20}:)[ \t]*\S[^\n]*(?:\n[^\n]*){1,12}?\n[ \t]*\1[ \t]*\S",
        r"beispiel|z\. ?b\.", r"exemple|par ex\.", r"ejemplo|p\. ?ej",
    ),
    "reasoning": (
        r"step[- ]by[- ]step|\bthink\b|\breason(?:s|ing|ed)?\b|rationale|explain|justif|chain[- ]of[- ]thought|work "
        r"(?:it |this )?(?:out|through)|"
        r"show (?:your|the) work|scratchpad|feedback|one by one|\bthoughts?\b|reflect|analy[sz]e|analysis|first,? "
        r"[^.\n]{1,80}\bthen\b|"
        r"\bsteps?\b|let's|consider",
        r"schritt für schritt|schrittweise|\bdenk|überleg|begründ|gedankengang|erkläre|analysiere|"
        r"zuerst\b[^.\n]{1,80}\bdann\b",
        r"étape|réfléchi|raisonne|justifi|expliqu|analyse|d'abord\b[^.\n]{1,80}\bpuis\b",
        r"paso a paso|\bpasos\b|razona|piensa|justifi|explica|analiza|primero\b[^.\n]{1,80}\bluego\b",
    ),
    "role": (
        rf"{_BEGIN}you (?:\w+ly )?(?:coordinate|help|answer|write|review|translate|assist|analy[sz]e|extract|support|"
        r"generate|read|manage|rewrite|classify|judge|grade|modify|maintain|moderate|plan|design|teach|summari[sz]e|"
        r"produce|speciali[sz]e)\b",
        rf"{_BEGIN}you(?:'re| are) (?!given|asked|provided|about|going|to\b|not|unsure|able|allowed|told|shown|"
        r"presented|required|in\b|only|free|expected)",
        r"(?<![\"'“‘`])\byou(?:'re| are| will be| will act as| act as| play)(?: now)? (?:an?|the)\b|\byour role\b",
        r"\bact(?:ing)? as\b|\bas an? (?:\w+[ -]){0,4}?(?:expert|assistant|specialist|engineer|analyst|writer|editor|"
        r"teacher|judge|lawyer|developer|scientist|agent|professional|consultant|journalist|translator|reviewer|"
        r"evaluator|critic)\b|take (?:on )?the role|play the role|imagine (?:that )?you|pretend",
        rf"{_BEGIN}\w+ is an? (?:[\w-]+ ){{0,5}}(?:assistant|chatbot|agent|language model|expert)\b",
        r"\bdu bist\b|\bsie sind\b|(?:agiere|handle) als|deine (?:rolle|aufgabe)|ihre rolle|\bals (?:erfahrene|"
        r"experte|expertin)",
        r"\btu es\b|vous êtes|agi(?:s|ssez) comme|en tant qu|(?:ton|votre) rôle",
        r"\beres\b|usted es|actúa como|(?:tu|su) (?:papel|rol)\b|como (?:un |una )?expert",
    ),
    "constraints": (
        r"\b(?:must|mustn't|should|shouldn't|never|only|avoid|always|ensure|make sure|strictly|"
        r"require(?:ment)?s?|rules?|guidelines?|"
        r"constraints?|limit(?:ed)?|exactly|concise(?:ly)?|brief(?:ly)?|short|without|no more than|at most|at least|"
        r"up to|within|maximum|minimum|"
        r"do not|don't|cannot|not (?:include|use|add|mention)|keep|stay|focus|instead of|rather than|"
        r"based on|solely|regardless|either|one of|unique)\b|\bno prior\b|from \[|\(1\)|"
        r"\b(?:one|two|three|\d+) (?:short )?(?:sentence|paragraph|word|line|bullet)s?\b|"
        r"\bnot\b|single|\b0 ?(?:-|to|and) ?\d",
        r"\b(?:nicht|nur|kein\w*|höchstens|maximal|vermeide\w*|muss|müssen|soll\w*|stets|immer|genau|achte\w*|ohne|"
        r"kurz|knapp|mindestens|ausschließlich)\b",
        r"\b(?:ne|n'|jamais|uniquement|seulement|évite\w*|maximum|doi\w+|toujours|au plus|au moins|exactement|sans|"
        r"bref|concis\w*|moins de)\b",
        r"\b(?:nunca|solo|sólo|únicamente|evita\w*|máximo|debe\w*|siempre|exactamente|sin|breve\w*|concis\w*|como "
        r"mucho|al menos|no (?:uses?|incluyas?|inventes?|añadas?))\b",
        *_LENGTHS,
    ),
    "edges": (
        r"\bif (?:you|the|there|no|any|it|this|that|a|an|none|nothing|not|unsure|so|one|they|information|all|stuck)\b|"
        r"\bwhen (?:there|no|"
        r"information|nothing|unsure|in doubt)\b|\bunless\b|\botherwise\b|in case\b|\bunsure\b|uncertain|don'?t "
        r"know|do not "
        r"know|\bunable\b|cannot (?:be|answer|find|"
        r"determine)|can't (?:be|answer|find|determine)|not (?:enough|provided|found|available|sure|applicable|"
        r"present|relevant|mentioned|"
        r"specified|contain)|\bn/?a\b|\bnull\b|\bnone\b|\bunknown\b|insufficient|ambiguous|clarif|unclear|"
        r"underspecified|unclear|vague|underspecified|\bempty\b|missing|"
        r"irrelevant|nothing found|not found|no answer|abst(?:ain|ention)|\brefus|\bdeclin(?:e|ing)|\breject",
        r"\bfalls\b|\bwenn\b|\bsofern\b|weiß nicht|unbekannt|nicht (?:genug|vorhanden|gefunden|enthalten|beantwort)|"
        r"andernfalls|\bsonst\b|"
        r"unklar|\bleer\b|fehlt|fehlen|erfinde",
        r"\bsi (?:le|la|les|l'|tu|vous|aucun\w*|il|elle|une?|rien|c'|ce|on|la réponse)|\bs'il\b|ne (?:sais|savez|"
        r"connais) pas|inconnu|\bsinon\b|"
        r"insuffisant|manqu|ambigu|\bvide\b|invente",
        r"\bsi (?:el|la|los|las|no|hay|falta|tu|un|una|algo|se|desconoces)\b|no (?:sé|sabes|sabe|hay|encuentras?)|"
        r"desconocid|de lo contrario|"
        r"insuficiente|\bfalta|ambigu|vacío|invent",
    ),
    "fields": (
        r"\b(?:keys?|fields?|schema|properties|property|attributes?|columns?|elements?)\b|[\"'`]\w[\w "
        r"-]{0,40}[\"'`]\s*:|^[ \t]*[-*\d.]{1,6}[ \t]*\*{0,2}`?\w[\w ]{0,30}`?\**\s*[:(]|"
        r"</?\w+>|following (?:format|structure|json|example|template|form)|```|\{\s*[\"']?\w+[\"']?\s*:|"
        r"\[\s*[\"'{]|(?:array|list) of (?:strings|objects|numbers)",
        r"\b(?:schlüssel\w*|felder\w*|feld|schema\w*|eigenschaft\w*|spalten)\b|folgende[mnrs]? (?:format|struktur|"
        r"form)",
        r"\b(?:clés?|champs?|schéma|propriétés?|colonnes?|attributs?)\b|(?:format|structure) suivant",
        r"\b(?:claves?|campos?|esquema|propiedades|columnas|atributos?)\b|"
        r"(?:formato|estructura) siguiente|siguiente (?:formato|estructura)",
    ),
    "acting": (
        r"^[^\w\n]{0,20}(?:please )?(?:summari[sz]e|translate|classify|extract|write|rewrite|answer|generate|list|"
        r"explain|"
        r"describe|create|convert|analy[sz]e|review|"
        r"identify|find|compare|evaluate|rate|score|determine|provide|give|use|return|respond|fix|improve|correct|"
        r"shorten|suggest|act|tell)\b",
    ),
}  # fmt: skip
_FLAGS = re.IGNORECASE | re.MULTILINE
_VERBS = {
    "en": "|".join(_WORDS["acting"]),
    "de": (
        r"^[^\w\n]{0,20}(?:bitte )?(?:fasse|schreibe?|antworte|übersetze|klassifiziere|extrahiere|erkläre|"
        r"beschreibe|nenne|"
        r"liste|erstelle|bewerte|prüfe|finde)\b"
    ),
    "fr": (
        r"^[^\w\n]{0,20}(?:résume[rz]?|écri[st]|écrivez|réponds|répondez|tradui[st]|traduisez|classe[rz]?|"
        r"extrai[st]|extrayez|"
        r"explique[rz]?|décri[st]|décrivez|"
        r"donne[rz]?|rédige[rz]?)\b"
    ),
    "es": (
        r"^[^\w\n]{0,20}(?:resume|resuma|escrib[ea]|respond[ea]|traduc[ea]|traduzca|clasifi[cq]\w+|extrae|extraiga|"
        r"expli[cq]\w+|describ[ae]|genera|redact[ae])\b"
    ),
}


@cache
def _pattern(signal: str) -> re.Pattern[str]:
    """When it is first asked for: to compile all of them takes longer than anything else when a server is imported."""
    return re.compile("|".join(f"(?:{one})" for one in _WORDS[signal]), _FLAGS)


def shows(signal: str, text: str) -> bool:
    """Whether a text has words of this signal."""
    return _pattern(signal).search(text) is not None


def says(signal: str, text: str) -> re.Match[str] | None:
    """Where a text first has words of this signal."""
    return _pattern(signal).search(text)


def language(text: str) -> str | None:
    """The language of a prompt, one of LANGUAGES where its words are known here; None where it is not told.

    A few words in the imperative, which have none of the words that tell languages apart, are told by their verb.
    """
    return language_of(text) or next((one for one, verbs in _VERBS.items() if re.search(verbs, text, _FLAGS)), None)
