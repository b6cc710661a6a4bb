"""The configuration of MCP servers that are offered to clients, and of what is known of their tools.

Frozen. Knows nothing of how a server is spoken to: see the room `agents`.
"""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

__all__ = ["McpConfig", "McpTool"]

_Text = Annotated[str, Field(min_length=1, max_length=4096)]


class McpTool(BaseModel):
    """What whoever runs the platform knows of a tool. `pin` is the hash of what its server says of it; without the
    right one it is not offered. `plain` are the arguments that may hold what comes from outside."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pin: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None
    severity: Literal["read", "write", "destructive"] = "destructive"
    plain: list[str] = []
    per_minute: Annotated[int, Field(ge=1)] | None = None


class McpConfig(BaseModel):
    """A server: the address `url` of one that speaks streamable HTTP, or the `command` of a child process, with `env`
    in its environment. `guards` are policies whose stage `tool` looks at arguments and results. `approval` is how long
    a call waits for a person, `timeout` how long for its server, in seconds."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    url: _Text | None = None
    command: list[str] | None = Field(None, min_length=1)
    env: dict[str, str] = {}
    tools: dict[str, McpTool] = {}
    guards: list[str] = []
    approval: float = Field(300.0, ge=1, le=86_400)
    timeout: float = Field(60.0, gt=0)

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.url is None) == (self.command is None):
            raise PydanticCustomError("way", "needs either a 'url' or a 'command'")
        return self
