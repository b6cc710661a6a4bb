"""What routing may ask about a request: its size, tools, images and language, and whether a Condition holds.

Everything is found out at the first question and kept for the call. Knows nothing of models and deployments.
"""

import re
from functools import cached_property
from typing import Any

from pilothouse.call import Call
from pilothouse.config import Condition
from pilothouse.gateway.meter import estimate_tokens
from pilothouse.gateway.routing.plan import Request
from pilothouse.types import ChatRequest, SingleRequest, text_of

__all__ = ["Facts", "language_of"]

_LOOKED_AT = 500  # characters of a text that its language is guessed from
_PER_MESSAGE = 4  # tokens around each message
_IMAGES = ("image_url", "input_image", "image")  # no set: a caller may write a type that cannot be in one


class Facts:
    """A request as routing sees it. `tokens` is the estimated input, where somebody has counted already."""

    def __init__(self, request: Request, call: Call, tokens: int | None = None) -> None:
        self.request = request
        self.call = call
        self._tokens = tokens

    @property
    def tokens(self) -> int:
        """The estimated input tokens."""
        if self._tokens is None:  # a cached_property takes a lock, 2 us, on every call
            self._tokens = self._estimated()
        return self._tokens

    def _estimated(self) -> int:
        messages = self._messages
        if messages:
            return sum(estimate_tokens(len(text_of(m.get("content")))) + _PER_MESSAGE for m in messages)
        return sum(estimate_tokens(len(text)) for text in _texts(self.request))

    @cached_property
    def tools(self) -> bool:
        request = self.request
        return isinstance(request, ChatRequest) and bool(request.tools)

    @cached_property
    def images(self) -> bool:
        contents = (message.get("content") for message in self._messages)
        return any(
            isinstance(part, dict) and part.get("type") in _IMAGES
            for content in contents
            if isinstance(content, list)
            for part in content
        )

    @cached_property
    def language(self) -> str | None:
        """The language of the last user message, of other requests that of their first text."""
        request = self.request
        if isinstance(request, ChatRequest):
            return language_of(request.last_user_text())
        return language_of(next(iter(_texts(request)), ""))

    @property
    def output_tokens(self) -> int | None:
        """The most that the caller lets the answer have. A number that is not positive sets no limit."""
        request = self.request
        if not isinstance(request, ChatRequest):
            return 0
        limit = request.max_tokens
        return limit if limit is None or limit > 0 else None

    @property
    def choices(self) -> int:
        """How many answers the caller asks for at once, each of which may be as long."""
        request = self.request
        asked = request.as_chat.body.get("n") if isinstance(request, ChatRequest) else None
        return asked if isinstance(asked, int) and asked > 1 else 1

    def meet(self, condition: Condition) -> bool:
        """Whether every field that the condition gives holds."""
        call = self.call
        if condition.keys and call.key_id not in condition.keys and call.principal.name not in condition.keys:
            return False
        if condition.teams and call.principal.team_id not in condition.teams:
            return False
        if any(call.metadata.get(name) != value for name, value in condition.metadata.items()):
            return False
        if condition.tokens_over is not None and self.tokens <= condition.tokens_over:
            return False
        if condition.tokens_under is not None and self.tokens >= condition.tokens_under:
            return False
        if condition.tools is not None and self.tools is not condition.tools:
            return False
        if condition.images is not None and self.images is not condition.images:
            return False
        return not condition.language or self.language in condition.language

    @property
    def _messages(self) -> list[dict[str, Any]]:
        request = self.request
        return request.messages if isinstance(request, ChatRequest) else []


def _texts(request: Request) -> list[str]:
    """The texts of a request that is no chat: inputs, a query and documents."""
    return request.input_texts() if isinstance(request, SingleRequest) else []


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
