"""Rewritings of a question: those that keep its meaning, and those that change it. Deterministic.

The first two sets share theirs; the others have their own, and so have the held-out domains: no mechanism
that is reported on was there to learn from.
"""

import re

# ---- for calibration: the meaning stays


def polite(text: str) -> str:
    return f"Could you please tell me: {text[0].lower()}{text[1:]}"


def greeted(text: str) -> str:
    return f"Hi there, quick question. {text}"


def casual(text: str) -> str:
    return text.lower().rstrip("?.") + " pls"


def mistyped(text: str) -> str:
    """A letter is missing in the longest plain word."""
    word = max((w for w in re.findall(r"[a-z]+", text)), key=len)
    return text.replace(word, word[: len(word) // 2] + word[len(word) // 2 + 1 :], 1)


def contracted(text: str) -> str:
    short = {"What is": "What's", "do not": "don't", "does not": "doesn't", "is not": "isn't", "I would": "I'd"}
    for long, brief in short.items():
        text = text.replace(long, brief)
    return text.replace("How can I", "How could I")


# ---- for calibration: the meaning changes


def negated(text: str) -> str | None:
    """What is asked for, denied."""
    for old, new in (
        ("Can I ", "Can I not "), ("May I ", "May I not "), ("Why does ", "Why doesn't "), ("Why is ", "Why isn't "),
        ("Why was ", "Why wasn't "), ("Do you ", "Do you not "), (" should I ", " should I not "),
        ("Do I ", "Do I not "), ("How do I ", "How do I avoid to "),
    ):  # fmt: skip
        if old in text:
            return text.replace(old, new, 1)
    return None


def past(text: str) -> str | None:
    if re.search(r"\b(?:reason|was|lived|way|cause|year|new|right|procedure|difference|substitute|command)\b", text):
        return None  # "What was the way to" asks for the same as "What is the way to"
    for old, new in (
        ("What is ", "What was "),
        ("Where is ", "Where was "),
        ("How many people live", "How many people lived"),
    ):
        if text.startswith(old):
            return text.replace(old, new, 1)
    return None


def dated(text: str) -> str:
    return text.rstrip("?.") + " as of 2019?"


def scoped(text: str) -> str:
    return text.rstrip("?.") + ", but only for new customers?"


def elsewhere(text: str) -> str:
    return text.rstrip("?.") + " in Switzerland?"


# ---- second set: the meaning stays


def swapped(text: str) -> str:
    """Two letters of the longest plain word change places."""
    word = max((w for w in re.findall(r"[a-z]+", text)), key=len)
    at = len(word) // 2
    return text.replace(word, word[: at - 1] + word[at] + word[at - 1] + word[at + 1 :], 1)


def texted(text: str) -> str:
    """As typed on a telephone."""
    text = text.lower().rstrip("?.").replace("'", "").replace(",", "")
    for long, brief in {"what is": "whats", "you": "u", "are": "r", "because": "bc", "people": "ppl"}.items():
        text = re.sub(rf"\b{long}\b", brief, text)
    return text


def wondered(text: str) -> str:
    return f"I was wondering, {text[0].lower()}{text[1:]} Thanks in advance!"


def excused(text: str) -> str:
    return f"Sorry if this has been answered already, but {text[0].lower()}{text[1:]}"


def telegraphic(text: str) -> str:
    """Without articles, auxiliaries and pronouns."""
    words = text.rstrip("?.").split()
    return " ".join(w for w in words if w.lower() not in {"a", "an", "the", "my", "do", "does", "is", "are", "i"})


def urgent(text: str) -> str:
    return f"{text} It's rather urgent!!"


def searched(text: str) -> str:
    return f"I've looked everywhere and found nothing. {text}"


# ---- second set: the meaning changes


def preceded(text: str) -> str | None:
    """What comes before it, not the thing itself."""
    return text.replace("How do I ", "What should I do before I ", 1) if "How do I " in text else None


def obliged(text: str) -> str | None:
    for old, new in (("Can I ", "Do I have to "), ("How do I ", "Do I have to "), ("Should I ", "May I ")):
        if text.startswith(old):
            return text.replace(old, new, 1)
    return None


def other_word(text: str) -> str | None:
    """Another question word."""
    for old, new in (
        ("Why does ", "How often does "), ("How do I ", "Why do I "), ("Can I ", "When can I "), ("When ", "Why "),
        ("Is ", "Why is "), ("Does ", "Since when does "),
    ):  # fmt: skip
        if text.startswith(old):
            return text.replace(old, new, 1)
    return None


def underage(text: str) -> str:
    return text.rstrip("?.") + " if I am under 18?"


def compared(text: str) -> str:
    return text.rstrip("?.") + " compared to ten years ago?"


def halfway(text: str) -> str | None:
    """A word within that narrows it."""
    for old, new in ((" a ", " a used "), (" my ", " my second "), (" the ", " the other ")):
        if old in text:
            return text.replace(old, new, 1)
    return None


# ---- third set: the meaning stays


def doubled(text: str) -> str:
    """A letter of the longest plain word twice."""
    word = max((w for w in re.findall(r"[a-z]+", text)), key=len)
    at = len(word) // 2
    return text.replace(word, word[:at] + word[at] + word[at:], 1)


def neighbouring(text: str) -> str:
    """A key beside the right one, in the second-longest plain word."""
    words = sorted(re.findall(r"[a-z]+", text), key=len)
    word = words[-2] if len(words) > 1 else words[-1]
    row = "qwertyuiopasdfghjklzxcvbnmn"
    at = len(word) // 2
    return text.replace(word, word[:at] + row[row.index(word[at]) + 1] + word[at + 1 :], 1)


def greeting_all(text: str) -> str:
    return f"Good morning team, {text[0].lower()}{text[1:]} Cheers"


def confused(text: str) -> str:
    return f"I'm a bit confused here. {text}"


def anyone(text: str) -> str:
    return f"Does anyone know this? {text}"


def rambling(text: str) -> str:
    return f"So, um, {text[0].lower()}{text[1:]} Any ideas?"


def shouted(text: str) -> str:
    return text.upper()


def squeezed(text: str) -> str:
    """No spaces after commas, doubled marks, a space too many."""
    return text.replace(", ", ",").replace("?", " ??").replace(" ", "  ", 1)


# ---- third set: the meaning changes


def refused(text: str) -> str | None:
    for old, new in (("Can I ", "Can I refuse to "), ("How do I ", "How do I get out of having to ")):
        if text.startswith(old):
            return text.replace(old, new, 1)
    return None


def described(text: str) -> str | None:
    """Of one kind only."""
    for old, new in ((" a ", " an antique "), (" my ", " my company's "), (" the ", " the last ")):
        if old in text:
            return text.replace(old, new, 1)
    return None


def in_bulk(text: str) -> str:
    return text.rstrip("?.") + " for a group of thirty?"


def cheaply(text: str) -> str:
    return text.rstrip("?.") + " as cheaply as possible?"


def afterwards(text: str) -> str | None:
    return text.replace("How do I ", "What comes after I ", 1) if text.startswith("How do I ") else None


def instead(text: str) -> str:
    return text.rstrip("?.") + " rather than my partner?"


def asked_of_who(text: str) -> str | None:
    """Who, how often, where, in the place of what was asked."""
    for old, new in (
        ("How do I ", "How often do I "), ("Can I ", "Who can "), ("Do I ", "Where do I "), ("Why ", "Since when "),
        ("How much ", "Where "), ("When ", "Where "), ("How long ", "How much "),
    ):  # fmt: skip
        if text.startswith(old):
            return text.replace(old, new, 1)
    return None


def recalled(text: str) -> str | None:
    """What was so, not what is."""
    for old, new in (("Does ", "Did "), ("Is ", "Was "), ("Are ", "Were "), ("Why is ", "Why was ")):
        if text.startswith(old):
            return text.replace(old, new, 1)
    return None


# ---- fourth set: the meaning stays


def vowelless(text: str) -> str:
    """The last vowel of the second-longest plain word is missing."""
    words = sorted(re.findall(r"[a-z]+", text), key=len)
    word = words[-2] if len(words) > 1 else words[-1]
    at = max((i for i, letter in enumerate(word[:-1]) if letter in "aeiou"), default=0)
    return text.replace(word, word[:at] + word[at + 1 :], 1) if at else text


def dotted(text: str) -> str:
    return text.lower().replace("?", "...").replace(".", "...") if "..." not in text else text


def from_phone(text: str) -> str:
    return f"{text} (sent from my phone, please forgive the typos)"


def obliging(text: str) -> str:
    return f"{text} Much obliged for any pointers."


def office(text: str) -> str:
    return f"Happy Monday! {text}"


def exclaimed(text: str) -> str:
    return text.rstrip("?.") + "?!?!"


def numbered(text: str) -> str:
    """As an item of a list."""
    return f"- {text}"


def spaced(text: str) -> str:
    return "  " + text.replace(" ", "\n", 1) + "  "


# ---- fourth set: the meaning changes


def kept_from(text: str) -> str | None:
    for old, new in (("How do I ", "How do I make others "), ("Can I ", "Can I be made to "), ("Does ", "How does ")):
        if text.startswith(old):
            return text.replace(old, new, 1)
    return None


def secured(text: str) -> str | None:
    return text.replace("How do I ", "Why should I ", 1) if text.startswith("How do I ") else None


def by_night(text: str) -> str:
    return text.rstrip("?.") + " at night?"


def partly(text: str) -> str | None:
    """A small word that narrows it."""
    for old, new in ((" the ", " the wrong "), (" a ", " half a ")):
        if old in text:
            return text.replace(old, new, 1)
    return None


def doubted(text: str) -> str | None:
    """Whether, where it was how, and how, where it was whether."""
    for old, new in (("Why does ", "Does "), ("How many ", "Why so many "), ("Is ", "How come "), ("When is ", "Is ")):
        if text.startswith(old):
            return text.replace(old, new, 1)
    return None


def remote(text: str) -> str:
    return text.rstrip("?.") + " by post?"


def more_of(text: str) -> str | None:
    for old, new in (("How long ", "How much longer "), ("How much ", "How little "), ("Which ", "Which other ")):
        if text.startswith(old):
            return text.replace(old, new, 1)
    return None


# ---- fifth set: the meaning stays


def clipped(text: str) -> str:
    """The last letter of the longest plain word is missing."""
    word = max((w for w in re.findall(r"[a-z]+", text)), key=len)
    return text.replace(word, word[:-1], 1)


def merged(text: str) -> str:
    """Two words without a space between them, in the middle."""
    words = text.split()
    at = len(words) // 2
    return " ".join([*words[: at - 1], words[at - 1] + words[at], *words[at + 1 :]])


def forwarded(text: str) -> str:
    return f"Re: Fwd: {text}"


def hoping(text: str) -> str:
    return f"{text} Hope you can shed some light on it, have a great weekend!"


def hesitant(text: str) -> str:
    return f"Not sure who to turn to. {text}"


def bracketed(text: str) -> str:
    return f"({text})"


def unpunctuated(text: str) -> str:
    return re.sub(r"[?.,:]", "", text[0].lower() + text[1:])


# ---- fifth set: the meaning changes


def others(text: str) -> str | None:
    for old, new in ((" the ", " the previous "), (" a ", " a foreign "), (" my ", " my boss's ")):
        if old in text:
            return text.replace(old, new, 1)
    return None


def limited(text: str) -> str:
    return text.rstrip("?.") + " on Sundays?"


def nearly(text: str) -> str | None:
    for old, new in (("Can I ", "Can nobody "), ("How do I ", "How do I never "), ("Is ", "Isn't "), ("Do ", "Don't ")):
        if text.startswith(old):
            return text.replace(old, new, 1)
    return None


def on_behalf(text: str) -> str:
    return text.rstrip("?.") + " in the neighbouring town?"


def questioned(text: str) -> str | None:
    for old, new in (
        ("How do I ", "Where do I "), ("Can I ", "How can I "), ("Why ", "When "), ("When ", "How "), ("Who ", "When "),
        ("How long ", "How far "), ("Does ", "Why does "), ("Is ", "When is "), ("Do I ", "When do I "),
    ):  # fmt: skip
        if text.startswith(old) and not text.startswith("When it"):  # "When it rains": no question word
            return text.replace(old, new, 1)
    return None


def reported(text: str) -> str | None:
    """As it was."""
    for old, new in (("Does ", "Did "), ("Is ", "Was "), ("Do ", "Did "), ("Are ", "Were "), ("Can ", "Could once ")):
        if text.startswith(old):
            return text.replace(old, new, 1)
    return None


# ---- sixth set: the meaning stays


def stuttered(text: str) -> str:
    """A word twice, in the middle."""
    words = text.split()
    at = len(words) // 2
    return " ".join([*words[:at], words[at], *words[at:]])


def lowered(text: str) -> str:
    return text.lower().rstrip("?.")


def starred(text: str) -> str:
    return f"*** {text} ***"


def sir(text: str) -> str:
    return f"Dear Sir or Madam, {text[0].lower()}{text[1:]} Kind regards"


def late(text: str) -> str:
    return f"It's late and I can't think straight. {text}"


def lettered(text: str) -> str:
    """Two letters of the second-longest plain word change places."""
    words = sorted(re.findall(r"[a-z]+", text), key=len)
    word = words[-2] if len(words) > 1 else words[-1]
    at = len(word) // 2
    return text.replace(word, word[: at - 1] + word[at] + word[at - 1] + word[at + 1 :], 1)


def plain(text: str) -> str:
    return f"Plain and simple: {text[0].lower()}{text[1:]}"


# ---- sixth set: the meaning changes


def withheld(text: str) -> str | None:
    """Refused, or done by nobody."""
    for old, new in ((" can I ", " can't I "), ("Can ", "Can't "), ("May ", "May nobody "), ("Does ", "Doesn't ")):
        if old in text:
            return text.replace(old, new, 1)
    return None


def sized(text: str) -> str | None:
    for old, new in ((" the ", " the smaller "), (" a ", " a broken "), (" my ", " my sister's ")):
        if old in text:
            return text.replace(old, new, 1)
    return None


def in_pairs(text: str) -> str:
    return text.rstrip("?.") + " in pairs?"


def elsewise(text: str) -> str | None:
    for old, new in (
        ("How do I ", "When do I "), ("How can I ", "Can I "), ("Why ", "How long "), ("When ", "Who says when "),
        ("Does ", "How does "), ("Who ", "What "), ("Do I ", "Why do I "), ("Can I ", "What can I "),
    ):  # fmt: skip
        if text.startswith(old) and not text.startswith("When I"):  # there it is no question word
            return text.replace(old, new, 1)
    return None


def handed(text: str) -> str:
    return text.rstrip("?.") + " with one hand?"


def earlier(text: str) -> str | None:
    for old, new in (("Does ", "Did "), ("Is ", "Was "), ("Do ", "Did "), ("Are ", "Were ")):
        if text.startswith(old):
            return text.replace(old, new, 1)
    return None


# ---- seventh set: the meaning stays


def fused(text: str) -> str:
    """The last vowel of the longest plain word twice."""
    word = max((w for w in re.findall(r"[a-z]+", text)), key=len)
    at = max((i for i, letter in enumerate(word) if letter in "aeiou"), default=0)
    return text.replace(word, word[: at + 1] + word[at:], 1)


def titled(text: str) -> str:
    return text.title()


def quoting(text: str) -> str:
    return f"> {text}"


def madam(text: str) -> str:
    return f"Hello there! {text} Many thanks and best wishes."


def tired(text: str) -> str:
    return f"My colleague wants to know: {text[0].lower()}{text[1:]}"


def ending(text: str) -> str:
    """The last two letters of the longest plain word change places."""
    word = max((w for w in re.findall(r"[a-z]+", text)), key=len)
    return text.replace(word, word[:-2] + word[-1] + word[-2], 1)


def ellipsis(text: str) -> str:
    return "Hmm... " + text


# ---- seventh set: the meaning changes


def undone(text: str) -> str | None:
    for old, new in (("How do I ", "How do I undo it if I "), ("Can I ", "Can I opt out if I "), ("May ", "May not ")):
        if text.startswith(old):
            return text.replace(old, new, 1)
    return None


def coloured(text: str) -> str | None:
    for old, new in ((" the ", " the former "), (" a ", " a retired "), (" my ", " my wife's ")):
        if old in text:
            return text.replace(old, new, 1)
    return None


def in_writing(text: str) -> str:
    return text.rstrip("?.") + " in writing?"


def turned(text: str) -> str | None:
    for old, new in (
        ("How do I ", "Who can "), ("Can ", "When can "), ("Why ", "Where "), ("When ", "How often "),
        ("May ", "Why may "),
        ("Does ", "When does "), ("Who ", "How many "), ("Is ", "Why is "), ("Do ", "How do "), ("Where ", "What "),
    ):  # fmt: skip
        if text.startswith(old):
            return text.replace(old, new, 1)
    return None


def over_years(text: str) -> str:
    return text.rstrip("?.") + " over the years?"


def later_on(text: str) -> str | None:
    for old, new in (("Does ", "Did "), ("Is ", "Was "), ("Do ", "Did "), ("Are ", "Were ")):
        if text.startswith(old):
            return text.replace(old, new, 1)
    return None


# ---- held out: the meaning stays


def first_key(text: str) -> str:
    """The third letter of the longest plain word is another."""
    word = max((w for w in re.findall(r"[a-z]+", text)), key=len)
    return text.replace(word, word[:2] + ("e" if word[2] != "e" else "r") + word[3:], 1)


def hyphenless(text: str) -> str:
    """Typed in haste: small letters, marks gone."""
    return re.sub(r"[?.,:']", "", text.lower())


def in_quotes(text: str) -> str:
    return f"[{text}]"


def kindly(text: str) -> str:
    return f"Would you be so kind and answer this: {text[0].lower()}{text[1:]}"


def blunt(text: str) -> str:
    return f"Question. {text} Answer please."


def on_behalf_of(text: str) -> str:
    return f"Asking for my mum. {text}"


def trailing(text: str) -> str:
    return f"{text.rstrip('?.')} ? :)"


# ---- held out: the meaning changes


def hindered(text: str) -> str | None:
    for old, new in (("How do I ", "Why don't I "), ("Does ", "Doesn't "), ("Who ", "Who else ")):
        if text.startswith(old):
            return text.replace(old, new, 1)
    return None


def aged(text: str) -> str | None:
    for old, new in ((" the ", " the antique "), (" a ", " an inflatable "), (" my ", " my cousin's ")):
        if old in text:
            return text.replace(old, new, 1)
    return None


def on_loan(text: str) -> str:
    return text.rstrip("?.") + " on loan?"


def asked_anew(text: str) -> str | None:
    for old, new in (
        ("How do I ", "Should I "), ("Can ", "How can "), ("Why ", "How often "), ("When ", "Why "),
        ("May ", "When may "),
        ("Does ", "Where does "), ("Who ", "Why "), ("Is ", "When is "), ("Do ", "Since when do "), ("Where ", "Why "),
    ):  # fmt: skip
        if text.startswith(old):
            return text.replace(old, new, 1)
    return None


def at_once(text: str) -> str:
    return text.rstrip("?.") + " for the second time?"


def long_ago(text: str) -> str | None:
    for old, new in (("Does ", "Did "), ("Is ", "Was "), ("Do ", "Did "), ("Are ", "Were ")):
        if text.startswith(old):
            return text.replace(old, new, 1)
    return None


KEEPING = {
    "calibration": (polite, greeted, casual, mistyped, contracted),
    "seen": (polite, greeted, casual, mistyped, contracted),
    "second": (swapped, texted, wondered, excused, telegraphic, urgent, searched),
    "third": (doubled, neighbouring, greeting_all, confused, anyone, rambling, shouted, squeezed),
    "fourth": (vowelless, dotted, from_phone, obliging, office, exclaimed, numbered, spaced),
    "fifth": (clipped, merged, forwarded, hoping, hesitant, bracketed, unpunctuated),
    "sixth": (stuttered, lowered, starred, sir, late, lettered, plain),
    "seventh": (fused, titled, quoting, madam, tired, ending, ellipsis),
    "heldout": (first_key, hyphenless, in_quotes, kindly, blunt, on_behalf_of, trailing),
}
CHANGING = {
    "calibration": (negated, past, dated, scoped, elsewhere),
    "seen": (negated, past, dated, scoped, elsewhere),
    "second": (preceded, obliged, other_word, underage, compared, halfway),
    "third": (refused, described, in_bulk, cheaply, afterwards, instead, asked_of_who, recalled),
    "fourth": (kept_from, secured, by_night, partly, doubted, remote, more_of),
    "fifth": (others, limited, nearly, on_behalf, questioned, reported),
    "sixth": (withheld, sized, in_pairs, elsewise, handed, earlier),
    "seventh": (undone, coloured, in_writing, turned, over_years, later_on),
    "heldout": (hindered, aged, on_loan, asked_anew, at_once, long_ago),
}
