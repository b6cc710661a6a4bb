"""`/api/organisations`, `/api/projects`, `/api/teams` and `/api/members`.

The master key makes organisations and projects; an administrator of a project keeps its teams and members.
"""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from pilothouse.access import Members, Tenants
from pilothouse.access.directory import DEFAULT_ORGANISATION, Member
from pilothouse.access.policy import project_for
from pilothouse.access.shapes import Slug, Strict, Subject, TeamChange, TeamSettings, TenantChange, TenantSettings
from pilothouse.access.tenants import Tenant
from pilothouse.api.caller import AnyProject, By, Caller, InProject, installation_only
from pilothouse.config import Budget, Limits
from pilothouse.errors import NotFound
from pilothouse.principal import Role

__all__ = ["member_routes", "organisation_routes", "project_routes", "team_routes"]


class TenantView(BaseModel):
    """An organisation, a project or a team, with what its keys may do and spend together."""

    id: str
    name: str
    limits: Limits
    budgets: list[Budget]
    created_us: int


class ProjectView(TenantView):
    """A project of an organisation."""

    org_id: str


class TeamView(TenantView):
    """A team of a project."""

    project_id: str
    role: Annotated[Role | None, Field(description="For its members and keys without one of their own.")]


class NewOrganisation(TenantSettings):
    """An organisation to be made."""

    id: Slug


class NewProject(TenantSettings):
    """A project to be made."""

    id: Slug
    org_id: Slug = DEFAULT_ORGANISATION


class NewTeam(TeamSettings):
    """A team to be made."""

    id: Slug


class Membership(Strict):
    """The role of a person, and the team whose limits and budgets count. Without a role it is the team's, or viewer."""

    role: Role | None = None
    team_id: Slug | None = None


def _view(organisation: Tenant) -> TenantView:
    return TenantView.model_validate(organisation.to_json())


def organisation_routes(tenants: Tenants) -> APIRouter:
    """The routes over organisations. A project's key sees its own alone."""
    router = APIRouter(prefix="/api/organisations", tags=["tenants"])

    @router.get("")
    def list_organisations(caller: Caller) -> list[TenantView]:
        """All organisations; for the key of a project, its own."""
        found = tenants.list("organisation")
        return [_view(one) for one in found if caller.everywhere or one.id == caller.org_id]

    @router.post("", status_code=201)
    def create_organisation(body: NewOrganisation, caller: Caller, by: By) -> TenantView:
        """A new organisation. The master key only."""
        installation_only(caller)
        return _view(tenants.create("organisation", body.id, body, by=by))

    @router.patch("/{org_id}")
    def update_organisation(org_id: str, body: TenantChange, caller: Caller, by: By) -> TenantView:
        """Change the fields that are given. The master key only."""
        installation_only(caller)
        return _view(tenants.update("organisation", org_id, body, by=by))

    return router


def project_routes(tenants: Tenants) -> APIRouter:
    """The routes over projects. A project's key sees its own alone."""
    router = APIRouter(prefix="/api/projects", tags=["tenants"])

    @router.get("")
    def list_projects(caller: Caller, org_id: str | None = None) -> list[ProjectView]:
        """All projects, or those of an organisation; for the key of a project, that one."""
        found = tenants.list("project", org_id)
        mine = [one for one in found if caller.everywhere or one.id == caller.project_id]
        return [ProjectView.model_validate(one.to_json()) for one in mine]

    @router.post("", status_code=201)
    def create_project(body: NewProject, caller: Caller, by: By) -> ProjectView:
        """A new project. The master key only."""
        installation_only(caller)
        made = tenants.create("project", body.id, body, parent=body.org_id, by=by)
        return ProjectView.model_validate(made.to_json())

    @router.get("/{project_id}")
    def get_project(project_id: str, caller: Caller) -> ProjectView:
        """One project."""
        return ProjectView.model_validate(tenants.get("project", project_for(caller, project_id)).to_json())

    @router.patch("/{project_id}")
    def update_project(project_id: str, body: TenantChange, caller: Caller, by: By) -> ProjectView:
        """Change the fields that are given. The master key only: whom a budget binds does not raise it."""
        installation_only(caller)
        return ProjectView.model_validate(tenants.update("project", project_id, body, by=by).to_json())

    return router


def team_routes(tenants: Tenants) -> APIRouter:
    """The routes over the teams of a project."""
    router = APIRouter(prefix="/api/teams", tags=["tenants"])

    @router.get("")
    def list_teams(project: AnyProject) -> list[TeamView]:
        """The teams of a project; of all, where the master key names none."""
        return [TeamView.model_validate(team.to_json()) for team in tenants.list("team", project)]

    @router.post("", status_code=201)
    def create_team(body: NewTeam, project: InProject, by: By) -> TeamView:
        """A new team."""
        return TeamView.model_validate(tenants.create("team", body.id, body, parent=project, by=by).to_json())

    @router.get("/{team_id}")
    def get_team(team_id: str, project: InProject) -> TeamView:
        """One team."""
        return TeamView.model_validate(tenants.get("team", team_id, project).to_json())

    @router.patch("/{team_id}")
    def update_team(team_id: str, body: TeamChange, project: InProject, by: By) -> TeamView:
        """Change the fields that are given."""
        return TeamView.model_validate(tenants.update("team", team_id, body, parent=project, by=by).to_json())

    @router.delete("/{team_id}", status_code=204)
    def delete_team(team_id: str, project: InProject, by: By) -> None:
        """Delete a team that has no keys and no members."""
        tenants.delete_team(project, team_id, by=by)

    return router


def member_routes(members: Members) -> APIRouter:
    """The routes over the people who may sign in. `subject` is a verified e-mail address, or a `sub`."""
    router = APIRouter(prefix="/api/members", tags=["tenants"])

    @router.get("")
    def list_members(project: AnyProject) -> list[Member]:
        """The members of a project; of all, where the master key names none."""
        return list(members.list(project))

    @router.get("/{subject:path}")
    def get_member(subject: Subject, project: InProject) -> Member:
        """One member."""
        found = next((member for member in members.list(project) if member.subject == subject), None)
        if found is None:
            raise NotFound(f"Project '{project}' has no member '{subject}'.", param="subject")
        return found

    @router.put("/{subject:path}")
    def put_member(
        subject: Annotated[Subject, Field()], body: Membership, project: InProject, by: By
    ) -> Member:  # fmt: skip
        """Let a person in with this role, or change the role."""
        return members.put(project, subject, body.role, body.team_id, by=by)

    @router.delete("/{subject:path}", status_code=204)
    def remove_member(subject: Subject, project: InProject, by: By) -> None:
        """Let a person in no longer; their sessions end with the next request."""
        members.remove(project, subject, by=by)

    return router
