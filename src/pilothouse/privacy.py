"""The configuration of what is kept of calls, and for how long. Frozen.

Knows nothing of how personal data are found, nor of how rows are deleted: see the room `observe`.
"""

import difflib
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError

__all__ = ["PERSONAL", "PrivacyConfig", "ProjectPrivacy"]

PERSONAL = ("secret", "email", "ip", "iban", "credit_card", "phone")
"""The kinds of personal data that are known by their form."""

_Name = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f\x7f]*$")]
_Share = Annotated[float, Field(ge=0, le=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class ProjectPrivacy(_Strict):
    """What is kept of a project's spans. Redaction is done before anything is written.

    `redact` are kinds of personal data, each replaced by its name in brackets; `patterns` are regular expressions of
    one's own, by the name that replaces what they match. `payloads` is the share of traces whose inputs and outputs are
    kept: 0 keeps none.
    """

    redact: list[str] = []
    patterns: dict[_Name, str] = {}
    payloads: _Share = 1.0

    @field_validator("redact")
    @classmethod
    def _known(cls, kinds: list[str]) -> list[str]:
        for kind in kinds:
            if kind not in PERSONAL:
                near = difflib.get_close_matches(kind, PERSONAL, n=1)
                hint = f"; did you mean '{near[0]}'?" if near else ""
                raise PydanticCustomError(
                    "redact", "no kind of personal data is called '{kind}': use {kinds}{hint}",
                    {"kind": kind, "kinds": ", ".join(PERSONAL), "hint": hint},
                )  # fmt: skip
        return kinds


class PrivacyConfig(ProjectPrivacy):
    """The same for every project but those in `projects`, which have their own instead."""

    projects: dict[_Name, ProjectPrivacy] = {}
