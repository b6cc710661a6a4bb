"""What names of models stand for in a configuration, so that a verdict lapses once they stand for something else. Plain
functions.

What answers and what is made of requests and answers counts; weights, limits and time limits do not.
"""

from collections.abc import Iterable

from pilothouse.config import Config
from pilothouse.evals.cards.planned import named_by, planned
from pilothouse.ids import content_hash
from pilothouse.types import Json

__all__ = ["Meanings", "changed_meaning", "meanings_of"]

Meanings = dict[str, list[str]]
"""By name: what it stands for in words, as `smart (openai/gpt-4o)`, and a hash of it with where that is."""

_PLACE = {"kind", "base_url", "options"}  # not the headers: a token in them is changed every so often


def meanings_of(config: Config, models: Iterable[str], plan: Json) -> Meanings:
    """Of the models that runs ask, and of those that judge by their plan."""
    judges = [name for one in planned(plan).values() for name in one.judge.model.split(", ") if name]
    return {name: _meaning(config, name) for name in dict.fromkeys([*models, *judges])}


def changed_meaning(config: Config, known: Meanings) -> str | None:
    """A sentence about the first name that stands for something else now; None where all are what they were."""
    for name, (told, hashed) in known.items():
        now, hashed_now = _meaning(config, name)
        if hashed_now != hashed:
            also = f": it was {told}, and is {now}" if told != now else ", or is reached elsewhere"
            return f"The model '{name}' stands for something else in the configuration since{also}."
    return None


def _meaning(config: Config, name: str) -> list[str]:
    return [named_by(config)(name), content_hash(list(_parts(config, name, frozenset())))]


def _parts(config: Config, name: str, seen: frozenset[str]) -> Iterable[object]:
    alias, seen = config.models.get(name), seen | {name}
    yield name
    if alias is None:
        yield _place(config, name.partition("/")[0])
        inner = [config.rag.answer_model] if name.startswith("rag:") else []
    else:
        yield alias.model_dump(mode="json", include={"output", "shaping"})
        for one in sorted(alias.deployments, key=lambda one: (one.provider, one.model)):
            yield [one.provider, one.model, _place(config, one.provider)]
        inner = [other for other in (alias.simple, alias.complex) if other is not None]
    for other in inner:
        if other not in seen:
            yield from _parts(config, other, seen)


def _place(config: Config, provider: str) -> object:
    there = config.providers.get(provider)
    return None if there is None else there.model_dump(mode="json", include=_PLACE)
