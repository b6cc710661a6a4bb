"""`/api/keys`: made, listed, changed, rotated, revoked. A secret is shown once, in the answer that made it."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from pilothouse.access import Key, Keys
from pilothouse.access.keys import LONGEST_OVERLAP
from pilothouse.access.policy import project_for
from pilothouse.access.shapes import KeyChange, NewKey, PolicyRules, Strict
from pilothouse.api.caller import AnyProject, By, Caller
from pilothouse.config import Budget, Limits
from pilothouse.principal import Role

__all__ = ["routes"]


class KeyView(BaseModel):
    """A key without its secret, of which `prefix` are the first characters. Times are UTC microseconds."""

    id: str
    project_id: str
    team_id: str | None
    name: str
    role: Annotated[Role | None, Field(description="Its own. null: that of its team, or else caller.")]
    state: Annotated[str, Field(description="valid, expired or revoked")]
    prefix: str
    policy: PolicyRules
    limits: Limits
    budgets: list[Budget]
    created_us: int
    expires_us: int | None
    revoked_us: int | None
    old_until_us: Annotated[int | None, Field(description="Until when the secret before the last rotation holds.")]

    @classmethod
    def of(cls, key: Key) -> "KeyView":
        """The view of a key."""
        return cls.model_validate(key.to_json())


class SecretView(BaseModel):
    """A key and its secret, which is shown this once."""

    secret: str
    key: KeyView


class Rotation(Strict):
    """How long the old secret still holds, in seconds."""

    overlap_s: Annotated[float, Field(ge=0, le=LONGEST_OVERLAP)] = 0.0


def routes(keys: Keys) -> APIRouter:
    """The routes over these keys."""
    router = APIRouter(prefix="/api/keys", tags=["keys"])

    @router.get("")
    def list_keys(
        project: AnyProject,
        team_id: str | None = None,
        revoked: Annotated[bool, Query(description="Also those that are revoked.")] = False,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
        before: Annotated[str | None, Query(description="The last id of the page already seen.")] = None,
    ) -> list[KeyView]:
        """The newest first."""
        found = keys.list(project, team_id=team_id, limit=limit, before=before, revoked=revoked)
        return [KeyView.of(key) for key in found]

    @router.post("", status_code=201)
    def create_key(body: NewKey, caller: Caller, by: By) -> SecretView:
        """A new key. Its secret is in this answer and nowhere else; only its hash is kept."""
        project = project_for(caller, body.project_id if "project_id" in body.model_fields_set else None)
        settings = body.settings().model_copy(update={"project_id": project})
        secret, made = keys.create(body.name, body.role, settings, by=by)
        return SecretView(secret=secret, key=KeyView.of(keys.get(made.key_id)))

    @router.get("/{key_id}")
    def get_key(key_id: str, project: AnyProject) -> KeyView:
        """One key, also when it is revoked."""
        return KeyView.of(keys.get(key_id, project))

    @router.patch("/{key_id}")
    def update_key(key_id: str, body: KeyChange, project: AnyProject, by: By) -> KeyView:
        """Change the fields that are given. It holds from the next request of every process on."""
        return KeyView.of(keys.update(key_id, body, project, by=by))

    @router.post("/{key_id}/rotate")
    def rotate_key(key_id: str, body: Rotation, project: AnyProject, by: By) -> SecretView:
        """A new secret for the same key; the old one holds for `overlap_s` seconds more."""
        secret, key = keys.rotate(key_id, body.overlap_s, project, by=by)
        return SecretView(secret=secret, key=KeyView.of(key))

    @router.post("/{key_id}/revoke")
    def revoke_key(key_id: str, project: AnyProject, by: By) -> KeyView:
        """End a key: it is refused from the next request of every process on."""
        return KeyView.of(keys.revoke(key_id, project, by=by))

    return router
