"""What a prompt asks for, by the words of its language: labels, reasoning, structured output, or anything at all."""

import re
from collections.abc import Mapping
from functools import cache

__all__ = ["asks"]

_STRUCTURES = r"\b(?:json|yaml|xml)\b"
_TO = r"(?:\b(?:please|(?<!not )to|and|must|should)|^|[.:;!?\n-])\s{0,20}"
_WORDS: Mapping[str, Mapping[str, str]] = {
    "labels": {
        "en": _TO + r"(?:(?:classify|categori[sz]e)\b(?![^.\n]{0,40}\bby (?:type|topic|category|kind)\b)|(?:label|tag) "
              r"(?:the|each|this|it)\b)|\b(?:assign|predict|ascertain|determine)\b[^.\n]{0,40}\b(?:label|category|"
              r"class|"
              r"sentiment|intent)\b",
        "de": r"klassifizier|kategorisier|\bordne\b[^.\n]{0,60}\b(?:zu|ein)\b",
        "fr": r"\b(?:classe[rz]?|classifie[rz]?|catégorise[rz]?|étiquet\w*)\b",
        "es": r"\b(?:clasifi\w+|categoriz\w+|categoric\w+|etiquet\w+)\b",
    },
    "extraction": {
        "en": _TO + r"extract\b(?! (?:and|or)\b)", "de": r"extrahier", "fr": r"\b(?:extrai[st]\w*|extraire|extrayez)\b",
        "es": r"\bextra(?:e|iga|er)\w*\b",
    },
    "reasoning": {
        "en": r"(?:^|[.!?:]\s+|\b(?:please|must|should|(?:task|job|goal) is to) )(?:calculate|compute|solve|prove|"
              r"derive|diagnose|debug|weigh) (?:the|this|"
        r"these|that|each|a|an|all|how)\b|\bfind the root cause\b",
        "de": r"\b(?:berechne\w*|löse die|beweise, dass|diagnostiziere\w*)\b",
        "fr": r"\b(?:calcule[rz]?|résous|résoudre|résolvez|prouve[rz]?)\b",
        "es": r"\b(?:calcul[ae]\w*|resuelv\w+|demuestr\w+|diagnostic\w+)\b",
    },
    "judgement": {
        "en": r"\b(?:(?:grade|judge|score|rate) (?:the|this|each|whether|how|if)(?! (?:relevance|following "
              r"conversation))|(?:evaluate|assess) (?:whether|"
        r"how|if|(?:the|this|each) (?:\w+ )?(?:quality|answer|response|solution|output|student|submission|"
        r"correctness|accuracy|assertion|claim|statement)\w*)|"
        r"compare (?:the|these|two|both|them|it)|(?:decide|determine) (?:whether|if)|(?:select|choose|pick) "
        r"(?:the|which)\b[^.\n]{0,40}\b(?:best|better))\b",
        "de": r"\b(?:bewerte|beurteile|vergleiche|überprüfe|entscheide, ob)\b",
        "fr": r"\b(?:évalue[rz]?|juge[rz]?|compare[rz]?|vérifie[rz]?|détermine[rz]? si)\b",
        "es": r"\b(?:evalú[ae]|juzg\w+|compar[ae]|verific[aq]\w*|determin[ae] si)\b",
    },
    "verdict": {
        "en": r"\b(?:yes|true|false|score|verdict|correct|incorrect|pass|fail|winner|grade|rating|label|classify|"
              r"best|better)\b|"
              r"\b\d+ ?(?:to|-|and) ?\d+\b|\([01]\)",
        "de": r"\b(?:ja|nein|punkte|note|richtig|falsch|urteil)\b|\b\d+ ?(?:bis|-) ?\d+\b",
        "fr": r"\b(?:oui|non|vrai|faux|note|score|verdict|correcte?)\b|\b\d+ ?(?:à|-) ?\d+\b",
        "es": r"\b(?:sí|verdadero|falso|nota|puntuación|veredicto|correct[ao])\b|\b\d+ ?(?:a|-) ?\d+\b",
    },
    "structure": {
        "en": r"\b(?:return|respond|reply|answer|output|outputs|produce|provide|generate|give|write|emit|print|"
              r"format)\b[^.,;:\n]{0,60}?" + _STRUCTURES
        + r"|" + _STRUCTURES + r"[ -](?:object|array|list|format|output|response|string|only)\b(?! (?:below|above|"
                               r"given|provided))",
        "de": r"(?:antworte|gib|liefere|schreibe?|erzeuge)\b[^.,;:\n]{0,60}?" + _STRUCTURES
        + r"|\b(?:als|im) " + _STRUCTURES,
        "fr": r"(?:réponds|répondez|renvoie|renvoyez|donne|donnez|produi\w+|retourne\w*)\b[^.,;:\n]{0,60}?"
        + _STRUCTURES
        + r"|(?:au format|en) " + _STRUCTURES,
        "es": r"(?:responde|responda|devuelve|devuelva|genera|escribe|proporciona)\b[^.,;:\n]{0,60}?" + _STRUCTURES
        + r"|(?:en formato|en) " + _STRUCTURES,
    },
    "anything": {
        "en": r"(?:^|[.!?:;,(*>-][\s*]*|\b(?:and|then|or|to|please|you (?:should|will|must|can|need to)|helps?(?: "
              r"the user| a human)?(?: by)?|by) )"
        r"(?:summari[sz]\w*|translat\w*|classify\w*|extract\w*|write|writing|rewrite|answer\w*|generat\w*|list|"
        r"explain\w*|describ\w*|creat\w*|convert\w*|"
        r"analy[sz]\w*|review\w*|identify\w*|find\w*|compare|evaluat\w*|rate|scor\w+|grade|determin\w*|provid\w*|"
        r"giv(?:e|ing)|use|using|return|respond\w*|"
        r"fix|improve|correct|shorten|suggest|act|tell|decide|assign\w*|ascertain|refine|combine|help\w*|assist\w*|"
        r"break|decompose|rephras\w*|guess|perform|"
        r"produce|verify|check|solve|calculate|follow|say|ask|complete|choose|select|rank|read|think|output|plan|"
        r"talk|chat|name|make|try|call|"
        r"label|tag|judge|assess|draft|compose|propose|recommend|introduce|paraphrase|reason|synthesi[sz]e)\b|"
        r"\bwhat is\b|\bhow would\b|\byou are\b",
    },
}  # fmt: skip


@cache
def _pattern(what: str, language: str) -> re.Pattern[str] | None:
    words = _WORDS[what].get(language)
    return None if words is None else re.compile(words, re.IGNORECASE | re.MULTILINE)


def asks(what: str, text: str, language: str | None) -> re.Match[str] | None:
    """Where a text in this language first asks for `labels`, `extraction`, `reasoning`, a `judgement`, a `verdict`
    (which leaves a judgement no room), `structure` or `anything`. Whether it asks for anything is known of English
    alone: of other languages that is taken as said."""
    pattern = _pattern(what, language or "en")
    return pattern.search(text) if pattern is not None else re.match("", text)
