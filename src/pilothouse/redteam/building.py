"""From seeds and mutators to the attacks of a run: always the same for the same choice and the same number."""

from collections.abc import Iterator, Sequence
from random import Random

import msgspec

from pilothouse.errors import ConfigError
from pilothouse.passages import format_passages
from pilothouse.redteam.mutators import MUTATORS, Draft, Mutator, Place, mutated, named
from pilothouse.redteam.seeds import Seed, goal_of, seeds
from pilothouse.redteam.shapes import CLASSES, HARMLESS, Attack, Goal
from pilothouse.types import Hit, Json

__all__ = ["Choice", "attacks", "chosen"]

_READER = "read_page"
_MAIL_READER = "read_mail"


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """Which attacks. `mutators` are names, or several joined by `+`; `none` is no mutator. Both mean all where they are
    empty. `limit` takes so many of them, evenly from classes and mutators. `canary` is a text that the model may have
    learnt, beginning and end apart. `harmless` adds the requests that should be answered."""

    classes: tuple[str, ...] = ()
    mutators: tuple[str, ...] = ()
    seed: int = 0
    limit: int | None = None
    canary: tuple[str, str] | None = None
    harmless: bool = True


def attacks(choice: Choice) -> list[Attack]:
    """The attacks of a choice, by class, seed and mutator. Raises ConfigError for a class or a mutator that there is
    not."""
    if strange := sorted({*choice.classes} - {*CLASSES, HARMLESS}):
        raise ConfigError(f"There is no class '{strange[0]}'. There are: {', '.join(CLASSES)}.", param="classes")
    chains = [() if one == "none" else named(one) for one in choice.mutators or ("none", *MUTATORS)]
    classes = choice.classes or CLASSES
    made = [
        attack for seed in seeds(classes) if (own := _own(seed, choice)) is not None for chain in chains
        if (attack := _made(own, chain, choice.seed)) is not None
    ]  # fmt: skip
    made = chosen(made, choice.limit)
    if choice.harmless and HARMLESS not in classes:
        made += [attack for seed in seeds((HARMLESS,)) if (attack := _made(seed, (), choice.seed)) is not None]
    return made


def chosen(made: Sequence[Attack], limit: int | None) -> list[Attack]:
    """At most `limit`, taken in turn from each class, and there from each mutator."""
    if limit is None or len(made) <= limit:
        return [*made]
    by_class: dict[str, dict[str, list[Attack]]] = {}
    for one in made:
        by_class.setdefault(one.attack_class, {}).setdefault(one.mutator, []).append(one)
    rows = [[*_in_turn([*map(_begun_elsewhere, enumerate(one.values()))])] for one in by_class.values()]
    taken = {one.id for one, _ in zip(_in_turn(rows), range(limit), strict=False)}
    return [one for one in made if one.id in taken]


def _begun_elsewhere(numbered: tuple[int, Sequence[Attack]]) -> Sequence[Attack]:
    """Each mutator begins with another seed, so that few attacks are still of many seeds."""
    number, row = numbered
    at = number % len(row)
    return [*row[at:], *row[:at]]


def _in_turn(rows: Sequence[Sequence[Attack]]) -> Iterator[Attack]:
    for place in range(max(map(len, rows), default=0)):
        yield from (row[place] for row in rows if place < len(row))


def _own(seed: Seed, choice: Choice) -> Seed | None:
    """The seed, with the text that only the reader's model can know; None where it needs one and there is none."""
    if seed.needs != "canary":
        return seed
    if choice.canary is None:
        return None
    return msgspec.structs.replace(seed, prefix=choice.canary[0], continuation=choice.canary[1], needs="")


def _made(seed: Seed, chain: Sequence[Mutator], number: int) -> Attack | None:
    mutator = "+".join(one.name for one in chain)
    name = f"{seed.attack_class}/{seed.id}" + (f"~{mutator}" if mutator else "")
    random = Random(f"{number} {name}")
    goal = goal_of(seed, random)
    place: Place = "user" if not seed.document else "tool" if seed.tools else "document"
    draft = mutated(Draft(seed, goal, seed.written(goal, "en"), place, seed.document), chain, random)
    if draft is None or (place == "tool" and "tool_output" in mutator):
        return None
    document = draft.document.replace("{attack}", draft.text)
    return Attack(
        id=name, attack_class=seed.attack_class, seed=seed.id, family=seed.family, goal=goal, mutator=mutator,
        messages=tuple(_opening(draft, document)), turns=tuple(_turns(draft)), tools=tuple(_tools(draft)),
        text=draft.text, documents=(document,) if document else (),
        system_needed=_needs_system(seed, goal),
    )  # fmt: skip


def _needs_system(seed: Seed, goal: Goal) -> bool:
    """Where the system prompt has the secret, or the rule that is to be broken."""
    return goal.kind == "reveal" or seed.attack_class == "jailbreak"


def _opening(draft: Draft, document: str) -> Iterator[Json]:
    """All up to the first answer, but for what the user says last."""
    seed, goal = draft.seed, draft.goal
    if seed.system:
        yield {"role": "system", "content": seed.said(seed.system, goal)}
    if draft.place == "tool":
        reader = _MAIL_READER if seed.tools else _READER
        call = {"id": "call_1", "type": "function", "function": {"name": reader, "arguments": "{}"}}
        yield {"role": "user", "content": seed.user}
        yield {"role": "assistant", "content": None, "tool_calls": [call]}
        yield {"role": "tool", "tool_call_id": "call_1", "content": document}


def _turns(draft: Draft) -> Iterator[str]:
    """What the user says, turn by turn."""
    yield from draft.before
    if draft.place == "user":
        yield draft.seed.said(draft.seed.user, draft.goal).replace("{attack}", draft.text)
    elif draft.place == "document":
        document = draft.document.replace("{attack}", draft.text)
        hit = Hit(chunk_id="1", text=document, source="museum.md")
        yield f"{format_passages([hit])}\n\nQuestion: {draft.seed.user}"


def _tools(draft: Draft) -> Iterator[Json]:
    if draft.place != "tool":
        return
    reader = _MAIL_READER if draft.seed.tools else _READER
    yield _tool(reader, "Read what the user speaks of.", None)
    for one in draft.seed.tools:
        yield _tool(one.name, one.about, one.field)


def _tool(name: str, about: str, field: str | None) -> Json:
    properties = {} if field is None else {field: {"type": "string"}}
    parameters = {"type": "object", "properties": properties, "required": list(properties)}
    return {"type": "function", "function": {"name": name, "description": about, "parameters": parameters}}
