"""The configuration of guards: policies by name, each a list of guards for each stage of a call, and what is done on
their word.

Frozen. Knows nothing of what guards there are: see the room `guards`.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

__all__ = ["ACTIONS", "NOTING", "STAGES", "Action", "GuardPolicy", "GuardUse", "GuardsConfig", "Stage"]

Stage = Literal["input", "output", "tool", "retrieval"]
"""What is looked at: what people write, what models answer, what goes to tools and comes back from them, and passages
that were found."""
STAGES: tuple[Stage, ...] = ("input", "output", "tool", "retrieval")

Action = Literal["block", "redact", "rephrase", "retry", "fallback", "flag", "shadow"]
"""What is done where a guard triggers, the gravest first; `flag` asks for review, `shadow` is recorded alone."""
ACTIONS: dict[Stage, tuple[Action, ...]] = {
    "input": ("block", "redact", "rephrase", "fallback", "flag", "shadow"),
    "output": ("block", "redact", "retry", "fallback", "flag", "shadow"),
    "tool": ("block", "redact", "flag", "shadow"),
    "retrieval": ("block", "redact", "flag", "shadow"),
}
"""What can be done at a stage. A passage that is blocked is left out; a blocked tool call is not made."""
NOTING: tuple[Action, ...] = ("flag", "shadow")
"""What changes nothing of a call."""

_Name = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]*$")]
_Text = Annotated[str, Field(min_length=1, max_length=20_000)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class GuardUse(BaseModel):
    """A guard by its name in `use`, what is done on its word, and its options beside them. A text alone is a name.

    `action` is the guard's own where it is left out. `on_error` says what a guard counts for that could not look, as a
    remote one that is down: `allow` lets the text pass and says on the span that nobody looked, `act` does as if it
    had triggered.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    use: _Name
    action: Action | None = None
    on_error: Literal["allow", "act"] = "allow"

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, given: Any) -> Any:
        return {"use": given} if isinstance(given, str) else given

    @property
    def options(self) -> dict[str, Any]:
        """Everything beside `use`, `action` and `on_error`."""
        return dict(self.model_extra or {})


class GuardPolicy(_Strict):
    """Guards by stage, and what stands in the place of what they stop.

    `refusal` answers a blocked input, in place of an error; `fallback` an output that is stopped. `rephraser` is the
    model that writes a stopped input anew; `retries` is how often a model is asked again for an output. `hold` says how
    much of a stream waits: what the guards need to see ahead, or `all` of it. `no_pii_to` are providers that no request
    goes to that still holds personal data or secrets once the guards have let it in.
    """

    input: list[GuardUse] = []
    output: list[GuardUse] = []
    tool: list[GuardUse] = []
    retrieval: list[GuardUse] = []
    refusal: _Text | None = None
    fallback: _Text = "I cannot answer that."
    rephraser: _Name | None = None
    retries: int = Field(1, ge=0, le=5)
    hold: Literal["needed", "all"] = "needed"
    no_pii_to: list[str] = []

    @field_validator("no_pii_to", mode="before")
    @classmethod
    def _plain(cls, given: Any) -> Any:
        return [given] if isinstance(given, str) else given

    @model_validator(mode="after")
    def _can_be_done(self) -> Self:
        for stage in STAGES:
            for use in getattr(self, stage):
                if use.action is not None and use.action not in ACTIONS[stage]:
                    told = {"action": use.action, "stage": stage, "there": ", ".join(ACTIONS[stage])}
                    raise PydanticCustomError("action", "{stage}: '{action}' is not done there; use {there}", told)
        if self.rephraser is None and any(use.action == "rephrase" for use in self.input):
            raise PydanticCustomError("rephraser", "the action rephrase needs a 'rephraser', a model")
        return self

    def at(self, stage: Stage) -> list[GuardUse]:
        """The guards of a stage, in their order."""
        return getattr(self, stage)  # type: ignore[no-any-return]


class GuardsConfig(_Strict):
    """Policies by name. `default` names those that hold for every call, beside those of its key, alias and prompt.
    `pass_through` says what becomes of requests below `/providers/`, which no guard looks at, where policies hold that
    would change or stop something: `refuse` them, or `allow` them and say on their spans that nobody looked."""

    policies: dict[_Name, GuardPolicy] = {}
    default: list[str] = []
    pass_through: Literal["refuse", "allow"] = "refuse"

    @field_validator("default", mode="before")
    @classmethod
    def _plain(cls, given: Any) -> Any:
        return [given] if isinstance(given, str) else given
