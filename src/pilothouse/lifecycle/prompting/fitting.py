"""Whether cases have the variables of the versions that they are to be put to, before anything is asked.

Two versions may differ in their variables: a case has those of both, and each version gets its own. What neither knows
is refused, as a call in production would be.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from pilothouse.cases import Case
from pilothouse.errors import InvalidRequest
from pilothouse.evals.runs.prompted import Versions, variables_for
from pilothouse.prompts.templates.including import Included
from pilothouse.prompts.templates.rendering import prepare
from pilothouse.prompts.templates.variables import prepared
from pilothouse.prompts.versions import Version, reference_of

__all__ = ["Fitting"]


@dataclass(frozen=True, slots=True)
class Fitting:
    """Of a version and the one that it is compared with, where there is one: each with all that it includes."""

    sides: tuple[tuple[Version, Included], ...]

    @classmethod
    def of(cls, versions: Versions, project: str, *sides: Version | None) -> "Fitting":
        """Raises InvalidRequest and NotFound for what cannot be put together. Blocks on the database."""

        def fetch(written: str) -> Version:
            one = reference_of(written)
            label = None if one.version is not None else one.wanted
            return versions.get(project, one.name, version=one.version, label=label)

        return cls(tuple((one, prepare(one.content, fetch=fetch).included) for one in sides if one is not None))

    def foreign(self, version: Version) -> frozenset[str]:
        """The variables that the other version knows, and this one does not."""
        own = set[str]().union(*(_names(included) for one, included in self.sides if one.number == version.number))
        return frozenset(set[str]().union(*(_names(included) for _, included in self.sides)) - own)

    def check(self, cases: Iterable[Case]) -> None:
        """Raises InvalidRequest for the first case that does not fit, naming it and the variable."""
        left_out = {version.number: self.foreign(version) for version, _ in self.sides}
        for number, case in enumerate(cases, 1):
            for version, included in self.sides:
                try:
                    given = variables_for(case.input, version.content)
                    given = {name: value for name, value in given.items() if name not in left_out[version.number]}
                    prepared(included.declared, included.uses, given)
                except (InvalidRequest, ValueError) as error:
                    told = error.message if isinstance(error, InvalidRequest) else str(error)
                    where = f"Case {number}, '{case.id[:128]}', does not fit {version.reference}"
                    raise InvalidRequest(f"{where}: {told}", param="cases") from None


def _names(included: Included) -> set[str]:
    return {*included.declared, *included.uses}
