"""The language of a text, guessed from its script and its commonest words. Knows nothing of where texts come from."""

import re

__all__ = ["language_of"]

_LOOKED_AT = 500  # characters of a text that its language is guessed from
_SCRIPTS = (
    ("ja", re.compile("[\u3040-\u30ff]")),  # kana: looked for before the characters that Chinese shares
    ("ko", re.compile("[\uac00-\ud7af\u1100-\u11ff]")),
    ("zh", re.compile("[\u4e00-\u9fff\u3400-\u4dbf]")),
    ("uk", re.compile("[іїєґІЇЄҐ]")),
    ("ru", re.compile("[\u0400-\u04ff]")),
    ("fa", re.compile("[پچژگ]")),
    ("ar", re.compile("[\u0600-\u06ff]")),
    ("el", re.compile("[\u0370-\u03ff]")),
    ("he", re.compile("[\u0590-\u05ff]")),
    ("hi", re.compile("[\u0900-\u097f]")),
    ("th", re.compile("[\u0e00-\u0e7f]")),
)
_WORDS = {
    "en": "the of and to is are was what how which who why when with for this that it you can do does from my your "
    "please not be have an at by or should would explain write",
    "de": "der die das und ist sind nicht ein eine einen einem ich du er wir ihr was wie warum wer wo mit für von zu "
    "den dem des im auf bitte kann auch wenn mir mich",
    "fr": "le les des et est sont un une du pas que qui quoi comment pourquoi avec pour dans sur je tu il elle nous "
    "vous ce cette mon votre au aux plus moi quelle quel",
    "es": "el los las es son un una del no que quién qué cómo por para con en se su lo al cuál está este esta mi "
    "puedes dónde hay más",
    "it": "il lo gli è sono un una del della di che chi come perché con per nel non si mi questo questa quale dove "
    "ho ha più puoi qual quante quanti ci",
    "pt": "os as é são um uma do da dos das não que quem como por para com em no na se este esta qual onde meu "
    "você mais pode está",
    "nl": "de het een en is zijn niet wat hoe waarom wie met voor van op te dat dit ik je jij we kan naar maar ook "
    "mijn welke er",
    "sv": "och att det är en ett som på för med inte jag du vi vad hur varför den till av om kan har min från vilken",
    "da": "og at det er en et som på for med ikke jeg du vi hvad hvordan hvorfor den til af om kan har min fra hvilken",
    "pl": "na do nie to jest są się że jak co dlaczego kto czy dla od po mój proszę który jaka jakie mnie gdzie",
    "cs": "na je se že jak co proč kdo pro od po můj prosím který jaké mi kde jsou není to být nebo ale",
    "fi": "ja on ei että se mikä miten miksi kuka mitä kuinka olen ovat voi tämä minun kanssa mutta missä",
    "tr": "ve bir bu ne nasıl neden kim için ile değil mi mı çok var daha nedir olan gibi hangi benim",
    "ro": "și în este sunt un nu ce cum de cine cu pentru pe la care mai din mea acest unde",
    "hu": "és az egy nem hogy mi hogyan miért ki van vagy meg kell ez melyik hol nekem",
}  # fmt: skip
_LANGUAGES = {
    word: tuple(language for language, words in _WORDS.items() if word in words.split())
    for word in {word for words in _WORDS.values() for word in words.split()}
}
_LETTERS = {
    "ß": "de", "ñ": "es", "¿": "es", "¡": "es", "ã": "pt", "õ": "pt", "ł": "pl", "ę": "pl", "ż": "pl", "ř": "cs",
    "ů": "cs", "ě": "cs", "ğ": "tr", "ı": "tr", "ş": "tr", "ő": "hu", "ű": "hu", "ț": "ro", "ș": "ro", "ă": "ro",
    "œ": "fr", "ê": "fr", "ø": "da", "æ": "da",
}  # fmt: skip
_WORD = re.compile(r"[^\W\d_]+")


def language_of(text: str) -> str | None:
    """The ISO 639-1 code of the language that a text seems to be in; None where that is a toss-up.

    By its script, and in Latin letters by the words that every sentence needs, those of one letter left out since they
    are variables too. Code and very short texts stay None.
    """
    text = text[:_LOOKED_AT]
    if not text.isascii():
        letters = sum(map(str.isalpha, text))
        for language, script in _SCRIPTS:
            if len(script.findall(text)) * (4 if language not in ("uk", "fa") else 25) > letters > 0:
                return language
    scores: dict[str, float] = {}
    for word in _WORD.findall(text.lower()):
        for language in _LANGUAGES.get(word, ()):
            scores[language] = scores.get(language, 0.0) + 1 / len(_LANGUAGES[word])
    if not text.isascii():
        for letter, language in _LETTERS.items():
            if letter in text:
                scores[language] = scores.get(language, 0.0) + 1.0
    ranked = sorted(scores.values(), reverse=True)
    if not ranked or ranked[0] < 1.0 or (len(ranked) > 1 and ranked[0] - ranked[1] < 0.5):
        return None
    return max(scores, key=scores.__getitem__)
