"""The configuration of what is kept of calls, and for how long. Frozen.

Knows nothing of how personal data are found, nor of how rows are deleted: see the room `observe`.
"""

import difflib
import math
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from pilothouse.pii.kinds import GROUPS, KINDS

__all__ = ["PERSONAL", "PrivacyConfig", "ProjectPrivacy", "RetentionConfig"]

PERSONAL: tuple[str, ...] = tuple(KINDS)
"""The kinds of personal data that can be found, see pii/kinds.py."""

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
            if kind not in PERSONAL and kind not in GROUPS:
                near = difflib.get_close_matches(kind, [*PERSONAL, *GROUPS], n=1)
                hint = f"; did you mean '{near[0]}'?" if near else ""
                raise PydanticCustomError(
                    "redact", "no kind of personal data is called '{kind}': use {kinds}{hint}",
                    {"kind": kind, "kinds": ", ".join((*PERSONAL, *GROUPS)), "hint": hint},
                )  # fmt: skip
        return kinds


class PrivacyConfig(ProjectPrivacy):
    """The same for every project but those in `projects`, which have their own instead."""

    projects: dict[_Name, ProjectPrivacy] = {}


class RetentionConfig(_Strict):
    """For how many days things are kept; 0 is for ever. Inputs and outputs go by the day on which they arrived, spans
    with their traces and scores by when they began, rollups by what they sum up; runs of evaluation by when they began,
    and the answers that were paid for in them by when they were given."""

    payloads: int = Field(30, ge=0)
    spans: int = Field(90, ge=0)
    rollups: int = Field(1095, ge=0)
    eval_runs: int = Field(365, ge=0)
    eval_answers: int = Field(90, ge=0)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        payloads, spans, rollups = (days or math.inf for days in (self.payloads, self.spans, self.rollups))
        if not payloads <= spans <= rollups:
            raise PydanticCustomError("retention", "payloads cannot be kept longer than spans, nor spans than rollups")
        return self
