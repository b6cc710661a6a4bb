"""English words by their form and their use: stems, plain synonyms, words that say little. Knows nothing of questions.

The tables are general and small on purpose: verbs that mean the same in nearly every question, irregular forms of
everyday words, British and American spellings. A synonym that is missing costs a hit, a wrong one an answer.
"""

__all__ = ["AROUND_TALK", "LIGHT", "SYNONYMS", "TALK", "misspelt", "past", "root"]

_IRREGULAR = {
    word: base
    for base, *words in map(
        str.split,
        """
get got gotten
take took taken
buy bought
pay paid
fall fell fallen
lead led
child children kid kids
man men
woman women
go went gone
give gave given
make made
send sent
keep kept
lose lost
find found
see saw seen
begin began begun
become became
run ran
write wrote written
choose chose chosen
break broke broken
steal stole stolen
leaf leaves
mouse mice
foot feet
person persons people
say said
tell told
think thought
hold held
win won
mean meant
build built
spend spent
leave left
feel felt
meet met
know knew known
grow grew grown
eat ate eaten
drive drove driven
fly flew flown
freeze froze frozen
sell sold
stand stood
understand understood
life lives
forget forgot forgotten
bring brought
catch caught
teach taught
wear wore worn
swim swam swum
speak spoke spoken
color colour colours coloured
center centre centres
favorite favourite
check cheque
fertilize fertilise
organize organise
program programme
""".strip().splitlines(),
    )
    for word in words
}


def root(word: str) -> str:
    """A lower-case word without its ending: `leaves` and `leaf`, `stopping` and `stop` are one."""
    word = _IRREGULAR.get(word, word)
    if len(word) > 4 and word.endswith("ies"):
        return word[:-2]
    for ending in ("ing", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            word = word[: -len(ending)]
            if len(ending) != 1 and len(word) > 3 and word[-1] == word[-2] and word[-1] not in "lsz":
                word = word[:-1]
            break
    if len(word) > 3:
        word = word.removesuffix("e")
        return word[:-1] + "i" if word.endswith("y") else word
    return word


_NO_VERBS = frozenset(
    ("child", "kid", "kids", "children", "men", "women", "leaves", "mice", "feet", "persons", "people", "lives")
)


def _roots(words: str) -> frozenset[str]:
    return frozenset(map(root, words.split()))


def past(word: str) -> bool:
    """Whether it is the past or the participle of a verb, by its form."""
    return word.endswith("ed") or (word in _IRREGULAR and word not in _NO_VERBS and not word.endswith(("r", "e", "es")))


def _synonyms() -> dict[str, frozenset[int]]:
    found: dict[str, set[int]] = {}
    for number, line in enumerate(_SAME.strip().splitlines()):
        for word in line.split():
            found.setdefault(root(word), set()).add(number)
    return {word: frozenset(numbers) for word, numbers in found.items()}


_SAME = """
get obtain receive acquire
delete remove erase
begin start commence
end finish stop terminate
cancel end terminate
need require necessary
buy purchase
show display
see view look
find locate
use utilize
fix repair mend
big large
increase raise
decrease reduce lower
allow permit
choose select pick
happen occur
replace substitute
change alter modify
keep store
make create
differ difference different
test verify check
add insert
picture image photo
phone telephone mobile
car vehicle automobile
kind type sort
error mistake
quick fast rapid
maximum highest most
minimum lowest least
function role
amount quantity
apply request ask
ship deliver send
trip travel visit
ill sick
rent lease
flat apartment
job occupation
film movie
holiday vacation
pavement sidewalk
garbage rubbish trash
lorry truck
petrol gas gasoline
email mail
bicycle bike
shop store
doctor physician
"""

SYNONYMS = _synonyms()
"""By root, the lines it stands in: words that share a line mean the same in nearly every question."""

LIGHT = _roots(
    "exactly still already currently yet ever actually really usually generally normally simply way want "
    "need require necessary possible allowed permitted able use get have take go whether time month year "
    "right good best correct proper reason procedure process command thing look see view find show put "
    "start begin aged"
)
"""Roots of words that say so little that one question may have them and the other have nothing in their place."""

TALK = _roots(
    "hi hello hey dear greetings thanks thank thx cheers regards appreciate appreciated sorry apologies "
    "excuse wonder wondering curious help idea ideas advice suggestion suggestions hint tip google "
    "googled search searched searching looked looking urgent urgently asap hurry rush confused unsure um "
    "uh er hm hmm btw fyi question questions asking asked answered folks guys"
)
"""Roots of words about asking: `sorry to bother you`."""

AROUND_TALK = _roots(
    "all everyone everybody team advance much very lot kindly bother disturb again quick silly stupid answer "
    "explained before already somewhere anyone someone anybody somebody tell know everywhere anywhere found find "
    "nothing anything read try tried rather quite really bit little understand get got"
)
"""Roots of words that may stand beside them."""


def misspelt(one: str, other: str) -> bool:
    """Whether two words differ by one slip of the keys: a letter missing, doubled, wrong, or two that changed places.

    Only of six letters and more (five where two changed places), with the same first letter: of short words most slips
    are other words.
    """
    if one[0] != other[0] or abs(len(one) - len(other)) > 1 or max(len(one), len(other)) < 5:
        return False
    if len(one) < len(other):
        one, other = other, one
    at = next((i for i, (x, y) in enumerate(zip(one, other, strict=False)) if x != y), len(other))
    if len(one) > len(other):
        return len(one) >= 6 and one[at + 1 :] == other[at:]
    if one[at : at + 2] == other[at : at + 2][::-1] and one[at + 2 :] == other[at + 2 :]:
        return True
    return len(one) >= 6 and one[at + 1 :] == other[at + 1 :]
