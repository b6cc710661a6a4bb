"""`pilothouse demo`: the main job from start to end, on real documents and over real HTTP."""

import asyncio
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from pilothouse.cli.context import Context, pass_context
from pilothouse.cli.detect import Found, detect
from pilothouse.cli.init import render
from pilothouse.cli.trace_tree import render_trace
from pilothouse.client import AsyncClient
from pilothouse.errors import InvalidRequest

if TYPE_CHECKING:
    from pilothouse.app import Platform

__all__ = ["demo"]

CORPUS = "demo"
OWN_QUESTIONS = (
    "Why does a killed process lose no answered call?",
    "Which model embeds the documents, and how many tokens does it read?",
    "What does a call cost when the price of the model is not known?",
)
FALLBACK_QUESTION = "What are the most important points of these documents?"


@click.command()
@click.option("--docs", type=click.Path(path_type=Path), help="A folder of PDF, HTML, Markdown, DOCX or text.")
@click.option("--ask", "questions", multiple=True, help="A question to ask; may be given several times.")
@click.option("--model", help="The model that answers, such as openai/gpt-4.1-mini.")
@click.option("--keep", is_flag=True, help="Use the data folder of this project, and keep what was ingested.")
@click.option("--stay/--exit", default=None, help="Keep serving afterwards (the default on a terminal), or exit.")
@pass_context
def demo(
    context: Context, docs: Path | None, questions: tuple[str, ...], model: str | None, keep: bool, stay: bool | None
) -> int:
    """Ingest documents, ask questions through the gateway, show cited answers and the trace of one."""
    docs = own_docs() if docs is None else docs
    if not docs.exists():
        raise InvalidRequest(f"{docs}: there is no such folder.")
    stay = sys.stdin.isatty() and sys.stdout.isatty() if stay is None else stay
    show = Console(highlight=False, soft_wrap=not sys.stdout.isatty())
    home = context.settings.home if keep else Path(tempfile.mkdtemp(prefix="pilothouse-demo-"))
    try:
        return asyncio.run(_Demo(context, show, home, docs).run(questions, model, stay))
    finally:
        if not keep:
            shutil.rmtree(home, ignore_errors=True)


def own_docs() -> Path:
    """The project's documentation: beside the code in an installed wheel, in `docs/` of a checkout."""
    package = Path(__file__).parents[1]
    inside = package / "docs"
    return inside if inside.exists() else package.parents[1] / "docs"
