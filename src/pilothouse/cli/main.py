"""The `pilothouse` command. Errors are printed as sentences with exit code 1 (2 for wrong usage), never a traceback."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pilothouse import __version__
from pilothouse.cli.context import Context
from pilothouse.cli.lazy import Lazy
from pilothouse.errors import PilothouseError
from pilothouse.settings import Settings

if TYPE_CHECKING:
    from pilothouse.app import Platform

__all__ = ["run"]

COMMANDS = {
    "demo": "Ingest documents, ask questions, show the answers and the trace.",
    "init": "Write a starting pilothouse.yaml.",
    "up": "Start the platform.",
    "check": "Check the configuration and what it needs.",
    "config": "The stored configuration: history, diff, rollback, push.",
    "replay": "Try a new configuration on recorded traffic, without calling a provider.",
    "diff": "Two versions of a model, corpus, prompt or configuration: what differs.",
    "keys": "Keys: create, list, change, rotate, revoke.",
    "teams": "Teams of a project, their limits and budgets.",
    "projects": "Projects, their limits and budgets.",
    "organisations": "Organisations, their limits and budgets.",
    "members": "People who may sign in, and as what.",
    "alerts": "What was noticed: list, test the channels, silence.",
    "approvals": "Calls of tools that wait for a person: list, approve, deny.",
    "audit": "Who changed what.",
    "budgets": "Budgets: what is spent and held of each.",
    "spend": "What was spent, and whether the vendors agree.",
    "rag": "Ingest documents, search them, ask them.",
    "prompts": "Prompts: what is released, and whether it is fit for that.",
    "evals": "Evaluation: datasets, runs over them, judges and people.",
    "redteam": "Attacks with harmless goals against what is released.",
    "experiments": "Calls split over versions or models, and what that showed.",
    "traces": "See what happened: list traces, show one, explain it, export them.",
    "payloads": "What spans hold: a key for it, sealing it with a new key.",
    "retention": "What is too old: what would go, and letting it go.",
    "stats": "Requests, failures, latency, tokens and cost of a period.",
    "models": "The embedded encoder's files, and the models on offer.",
    "guards": "What looks at the texts of calls: list, check a text, train and fit the learned ones.",
    "router": "Train and judge the choice between a simple and a complex model.",
    "cache": "What the caches answered, forgetting it, and the threshold of a semantic one.",
    "shadow": "What mirrored calls showed of a candidate model.",
    "batches": "Batches of requests: create, list, show, cancel, output.",
    "jobs": "Background work: list, show, cancel.",
}


class _Commands(Lazy):
    package = "pilothouse.cli"
    commands_there = COMMANDS


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--home", type=click.Path(path_type=Path), help="Data folder (PILOTHOUSE_HOME, default .pilothouse).")
@click.option("--config", type=click.Path(path_type=Path), help="Configuration (PILOTHOUSE_CONFIG, pilothouse.yaml).")
@click.version_option(__version__, prog_name="pilothouse")
@click.pass_context
def cli(ctx: click.Context, home: Path | None, config: Path | None) -> None:
    """Pilothouse runs LLM applications in production, behind one door."""
    ctx.obj = Context(Settings.from_env(home=home, config=config), ctx.meta["build"])


def run(build: "Callable[..., Platform]") -> None:
    """Run the command line and exit. Set PILOTHOUSE_TRACEBACK=1 to see the traceback of an error."""
    try:
        with cli.make_context("pilothouse", sys.argv[1:]) as ctx:
            ctx.meta["build"] = build
            code = cli.invoke(ctx)
        sys.exit(code if isinstance(code, int) else 0)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        click.echo("Stopped.", err=True)
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except PilothouseError as error:
        if os.environ.get("PILOTHOUSE_TRACEBACK"):
            raise
        click.echo(f"Error: {error.message}", err=True)
        sys.exit(1)
    except Exception as error:
        if os.environ.get("PILOTHOUSE_TRACEBACK"):
            raise
        click.echo(f"Error: unexpected {type(error).__name__}: {error}", err=True)
        click.echo("This is a bug in Pilothouse. PILOTHOUSE_TRACEBACK=1 shows where it happened.", err=True)
        sys.exit(70)
