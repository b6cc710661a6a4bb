"""The faces of a platform as one application: the management API, and the console on it.

Knows nothing of how rooms are made.
"""

from typing import TYPE_CHECKING

from fastapi import APIRouter, FastAPI

from pilothouse.agents.approvals import Approvals
from pilothouse.api.access.audit import routes as audit_routes
from pilothouse.api.access.keys import routes as keys_routes
from pilothouse.api.access.spend import routes as spend_routes
from pilothouse.api.access.tenants import member_routes, organisation_routes, project_routes, team_routes
from pilothouse.api.alerts import routes as alert_routes
from pilothouse.api.approvals import routes as approval_routes
from pilothouse.api.attacks import routes as attack_routes
from pilothouse.api.caller import in_known_projects
from pilothouse.api.evals.dataset_work import routes as dataset_work_routes
from pilothouse.api.evals.datasets import routes as dataset_routes
from pilothouse.api.evals.judges import routes as judge_routes
from pilothouse.api.evals.reports import routes as eval_report_routes
from pilothouse.api.evals.reviews import routes as review_routes
from pilothouse.api.evals.runs import routes as eval_routes
from pilothouse.api.evals.scoring import routes as scoring_routes
from pilothouse.api.evals.sentinel import routes as sentinel_routes
from pilothouse.api.gateway.cache import routes as cache_routes
from pilothouse.api.gateway.health import routes as health_routes
from pilothouse.api.gateway.route import routes as route_routes
from pilothouse.api.guards import routes as guard_routes
from pilothouse.api.jobs import routes as jobs_routes
from pilothouse.api.langfuse.prompts import routes as langfuse_prompt_routes
from pilothouse.api.lifecycle.config import routes as config_routes
from pilothouse.api.lifecycle.diff import routes as diff_routes
from pilothouse.api.lifecycle.replay import routes as replay_routes
from pilothouse.api.lifecycle.shadow import routes as shadow_routes
from pilothouse.api.management import management
from pilothouse.api.mcp import routes as mcp_routes
from pilothouse.api.observe.stats import routes as stats_routes
from pilothouse.api.prompts.experiments import routes as experiment_routes
from pilothouse.api.prompts.gates import routes as prompt_gate_routes
from pilothouse.api.prompts.lint import routes as prompt_lint_routes
from pilothouse.api.prompts.optimize import routes as prompt_optimize_routes
from pilothouse.api.prompts.rendering import routes as prompt_rendering_routes
from pilothouse.api.prompts.usage import routes as prompt_usage_routes
from pilothouse.api.prompts.versions import request_routes as prompt_request_routes
from pilothouse.api.prompts.versions import routes as prompt_routes
from pilothouse.api.rag import routes as rag_routes
from pilothouse.api.redteam import routes as redteam_routes
from pilothouse.api.telemetry import telemetry_routes
from pilothouse.console import ConsoleRooms, mount_console
from pilothouse.evals.runs.rooms import rooms_of
from pilothouse.lifecycle.optimizing.queueing import Searching
from pilothouse.lifecycle.prompting.queueing import Judging
from pilothouse.lifecycle.shadow import ShadowReports
from pilothouse.observe.prompt_calls import PromptCalls
from pilothouse.observe.sums.figures import Figures

if TYPE_CHECKING:
    from pilothouse.app import Platform

__all__ = ["faces"]


def faces(of: "Platform") -> FastAPI:
    """One line for each noun of the API, then the console over them."""
    routers = [
        *telemetry_routes(
            of.store, of.recorder, of.drainer, of.prices, of.tenants, of.discretion, of.settings.max_body_bytes,
            of.telling.exports.queue,
        ),
        approval_routes(Approvals(of.store)),
        mcp_routes(of.mcp, of.recorder),
        rag_routes(of.rag, of.gateway, of.recorder),
        jobs_routes(of.jobs),
        alert_routes(of.alerts),
        keys_routes(of.keys),
        organisation_routes(of.tenants),
        project_routes(of.tenants),
        team_routes(of.tenants),
        member_routes(of.members),
        audit_routes(of.audit),
        config_routes(of.live),
        replay_routes(of.live, of.jobs, of.settings),
        *(in_known_projects(router, of.tenants) for router in _evaluation(of)),
        *(in_known_projects(router, of.tenants) for router in _prompts(of)),
        shadow_routes(ShadowReports(of.store.observe)),
        route_routes(of.gateway, of.complexity, of.recorder),
        attack_routes(of.attacks, of.traces),
        guard_routes(of.gateway, of.recorder),
        cache_routes(of.caches, of.audit),
        spend_routes(of.ledger, of.budgets, of.tenants, of.keys),
        stats_routes(of.store),
        scoring_routes(of.scoring),
        sentinel_routes(of.sentinel.standing),
        health_routes(
            of.health, of.process, several=of.several, trouble=of.trouble, problem=lambda: of.live.problem
        ),
    ]  # fmt: skip
    app = management(routers, of.keys, of.settings.max_body_bytes, door=of.door)
    secure = (of.settings.public_url or "").startswith("https://")
    sessions, sign_in = of.entrance.sessions, of.entrance.sign_in
    mount_console(app, of.traces, sessions, rooms=_console_rooms(of), sign_in=sign_in, secure=secure)
    return app


def _evaluation(of: "Platform") -> list[APIRouter]:
    return [
        diff_routes(of.jobs, of.settings),
        eval_report_routes(of.store, lambda: of.snapshot.config),
        dataset_work_routes(of.store, of.jobs, of.settings),
        dataset_routes(of.store),
        review_routes(of.store),
        redteam_routes(of, of.jobs, of.settings),
        eval_routes(lambda project, principal: rooms_of(of, project, principal), of.jobs, of.settings),
        judge_routes(of.store, lambda: of.snapshot.config),
    ]


def _prompts(of: "Platform") -> list[APIRouter]:
    """The routes of the registry last: a name takes whatever follows."""
    prompts = of.prompts.prompts
    return [
        experiment_routes(of.prompts.experiments),
        prompt_rendering_routes(prompts),
        prompt_optimize_routes(of.store, prompts, of.jobs, of.settings),
        prompt_lint_routes(prompts, of.prices, lambda: of.snapshot.config),
        prompt_usage_routes(prompts, PromptCalls(of.store)),
        prompt_gate_routes(of.prompts.gate, of.prompts.watch, of.jobs, of.settings),
        langfuse_prompt_routes(prompts),
        prompt_request_routes(prompts),
        prompt_routes(prompts),
    ]


def _console_rooms(of: "Platform") -> ConsoleRooms:
    return ConsoleRooms(
        of.keys, of.tenants, of.members, of.audit, of.budgets, of.ledger, of.health, of.prices, of.caches, of.live,
        lambda: of.gateway.runtime.router, of.store, of.trouble, of.process, of.several, of.alerts, Figures(of.store),
        of.prompts, of.gateway.chat, of.recorder, of.settings.request_timeout,
        Judging(of.prompts.gate, of.jobs, of.settings), Searching(of.store, of.prompts.prompts, of.jobs, of.settings),
        of.gateway,
    )  # fmt: skip
