"""The words that the vetoes go by: opposites, times, units, negations, and the function words of some languages.
Opposites are kept by root.
"""

from pilothouse.cache.word_forms import root

__all__ = [
    "ANCHORS", "COMMON_CAPITALS", "DIRECTIONS", "FILLERS", "FUNCTION_WORDS", "INFINITIVES",
    "NEGATIONS", "NUMBER_WORDS", "OPPOSITES", "PARTIES", "PER", "PERSONS", "POSSESSIVES", "PREPOSITIONS", "QUANTIFIERS",
    "SELVES", "TIMES", "UNITS", "VOID",
]  # fmt: skip


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ONES = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
NUMBER_WORDS = {word: str(value) for value, word in enumerate(_ONES.split()) if word != "one"} | {
    "twenty": "20", "thirty": "30", "forty": "40", "fifty": "50", "hundred": "100", "thousand": "1000",
    "million": "1000000", "billion": "1000000000", "dozen": "12", "half": "0.5", "twice": "2", "double": "2",
    "triple": "3",
}  # fmt: skip
"""`one` is left out: it is a pronoun more often than a number."""

NEGATIONS = _words(
    "not no never none nobody nothing neither nor cannot without unless except excluding dont doesnt cant wont isnt "
    "arent didnt shouldnt avoid prevent"
)


def _by_first(groups: str) -> dict[str, str]:
    return {word: group.split()[0] for group in groups.strip().splitlines() for word in group.split()}


TIMES = _by_first(
    """
january jan
february feb
march
april apr
june jun
july jul
august aug
september sept sep
october oct
november nov
december dec
monday mondays
tuesday tuesdays
wednesday wednesdays
thursday thursdays
friday fridays
saturday saturdays
sunday sundays
today
yesterday
tomorrow
tonight
weekend weekends
weekday weekdays
spring
summer
autumn
winter
morning mornings
afternoon afternoons
evening evenings
night overnight
last previous past
next upcoming following
ago
"""
) | {
    "hourly": "hour", "daily": "day", "weekly": "week", "monthly": "month", "quarterly": "quarter", "yearly": "year",
    "annual": "year", "annually": "year",
}  # fmt: skip
"""Points of time, and how often something is."""

ANCHORS = _by_first(
    """
before prior ahead beforehand
after afterwards
until till
since
ago
"""
)
"""What a time is counted from."""

QUANTIFIERS = _by_first(
    """
all every each everyone everybody
some
most
both
only solely exclusively
few
"""
)

INFINITIVES = _words(
    "how want wants like possible allowed able way ways have has had need needs going used okay ok do does "
    "safe best better right time required necessary permitted good steps what where when i'd easy hard takes "
    "take supposed not"
)
"""Words after which `to` begins a verb and is no direction."""

VOID = _words(
    "a an the my our your i we you it its that this these those there can could may might should must would "
    "will shall do does did is are am was were be been being have has had please just also so ok okay allowed "
    "able possible permitted necessary required need needs needed way ways steps procedure what which how is "
    "it's i'd i'm i've whats what's hi hello hey thanks thank pls get then s t re ll ve m d"
)
"""Words that may come and go without a change of what is asked; every other one must be in both questions."""

SELVES = frozenset(("i", "me"))

PREPOSITIONS = _words(
    "to into onto from before after during in on at with without by over under between within for of off until since "
    "about against per via through towards toward"
)

DIRECTIONS = {"to": "to", "into": "to", "onto": "to", "towards": "to", "toward": "to", "from": "from", "by": "by"}

PARTIES = {
    **dict.fromkeys(("i", "me", "my", "mine", "we", "us", "our", "ours"), "asker"),
    **dict.fromkeys(("you", "your", "yours"), "asked"),
}
POSSESSIVES = _words("my mine our ours your yours")

PERSONS = {"he": "he", "him": "he", "his": "he", "she": "she", "her": "she", "hers": "she"}

PER = r"\b(?:per|each|every|a|this|single|one) (hour|day|night|week|month|quarter|year)\b"
"""Spans of time that something is counted by."""

FILLERS = _words(
    "a an the this that these those it its is are was were be been am do does did doing have has had can could may "
    "might must shall should will would to of in on at for from with by as into onto about than then and or if "
    "so i me my mine you your we our us they their them he she his her what which who whom whose when where why how "
    "there here please pls tell hi hello hey quick question thanks thank let way ways step steps possibility explain "
    "describe much many long often reason okay ok just also some any one d s t re ll ve m what's how's where's it's "
    "i'd i'm don't doesn't isn't whats i've i'll we've"
)
"""Words that say little of what a question is about."""

UNITS = _by_first(
    """
kg kilogram kilograms kilo kilos
g gram grams
lb lbs pound pounds
oz ounce ounces
km kilometer kilometers kilometre kilometres
mile miles
m meter meters metre metres
cm centimeter centimeters centimetre centimetres
ft foot feet
inch inches
celsius
fahrenheit
kelvin
liter liters litre litres
gallon gallons
ml milliliter milliliters millilitre millilitres
usd dollar dollars
eur euro euros
gbp sterling
yen jpy
percent percentage
kb kilobyte kilobytes
mb megabyte megabytes
gb gigabyte gigabytes
tb terabyte terabytes
ms millisecond milliseconds
watt watts
volt volts
acre acres
hectare hectares
"""
)

_PAIRS = """
increase decrease reduce lower shrink drop decline
raise lower reduce decrease drop
rise fall drop decline decrease
grow shrink decline decrease
within after outside
much little
many few
gain lose
up down
high low
higher lower
highest lowest
more less fewer
most least fewest
max min
maximum minimum
maximise minimise
maximize minimize
big small
bigger smaller
large small
larger smaller
largest smallest
long short
longer shorter
longest shortest
fast slow
faster slower
fastest slowest
quick slow
early late
earlier later
earliest latest
first last
old new
older newer younger
oldest newest youngest
before after
start stop end finish
begin end
open close shut
on off
enable disable
activate deactivate
allow block forbid deny disallow
permit forbid
accept reject decline
approve reject deny
add remove delete subtract
create delete destroy
insert delete
install uninstall
attach detach
connect disconnect
mount unmount
lock unlock
encrypt decrypt
encode decode
compress decompress expand
import export
upload download
push pull
send receive
read write
save discard
show hide
login logout
subscribe unsubscribe
follow unfollow
include exclude omit
buy sell
borrow lend
rent own
income expense
profit loss
asset liability
debit credit
cheap expensive
cheaper dearer
cheapest dearest
rich poor
hot cold
warm cool
heat cool
wet dry
hard soft easy
easy difficult
light heavy dark
strong weak
safe dangerous unsafe
legal illegal
valid invalid
possible impossible
public private
internal external
inside outside
indoor outdoor
import export
input output
left right
top bottom
front back
above below
over under
north south
east west
northern southern
eastern western
male female
man woman
men women
boy girl
mother father
husband wife
child adult
win lose
love hate
best worst
better worse
good bad
positive negative
advantage disadvantage drawback
benefit risk drawback
pro con
cause effect
symptom treatment
ancestor descendant
supply demand
vertical horizontal
parallel perpendicular series
acid base alkaline
inhale exhale
arrive depart leave
arrival departure
enter exit leave
all none some
always never
every no
only also
maternal paternal
temporary permanent
manual automatic
sync async
synchronous asynchronous
client server
sender receiver recipient
employer employee
teacher student
doctor patient
landlord tenant
predator prey
ancient modern
major minor
upgrade downgrade
promote demote
deposit withdraw
deflate inflate
inflation deflation
melt freeze
boil freeze
sunrise sunset
breakfast lunch dinner
hypertension hypotension
"""


def _opposites() -> dict[str, frozenset[str]]:
    """Each word of a line is against the first, the first against all."""
    found: dict[str, set[str]] = {}
    for line in _PAIRS.strip().splitlines():
        first, *others = map(root, line.split())
        for other in others:
            found.setdefault(first, set()).add(other)
            found.setdefault(other, set()).add(first)
    return {word: frozenset(against) for word, against in found.items()}


OPPOSITES = _opposites()

COMMON_CAPITALS = _words("i i'm i'd i've i'll ok q a")

FUNCTION_WORDS = {
    "en": _words("a the is are of and to in what how do does my can with for that it this you on i which an was be"),
    "de": _words("der die das ist sind und zu wie was mein kann mit für dass es ich auf ein eine den nicht"),
    "fr": _words("le la les est sont et de des que comment mon ma avec pour je il un une du dans quel quelle"),
    "es": _words("el la los las es son y de que cómo mi con para yo un una en del cuál puedo por"),
    "it": _words("il lo la gli è sono di che come mio con per io un una del qual quale posso"),
    "pt": _words("os as é são de que como meu com para eu um uma em do qual posso"),
    "nl": _words("de het een zijn en van wat hoe mijn kan met voor dat ik op te niet"),
}
