"""`pilothouse demo`: the main job from start to end, on real documents and over real HTTP."""

import asyncio
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape

from pilothouse.cli.context import Context, pass_context, plain
from pilothouse.cli.detect import Found, detect
from pilothouse.cli.ingest_view import show_progress, show_report
from pilothouse.cli.init import render
from pilothouse.cli.trace_tree import render_trace
from pilothouse.client import AsyncClient
from pilothouse.errors import InvalidRequest, PilothouseError
from pilothouse.rag import IngestReport
from pilothouse.settings import Settings
from pilothouse.types import Json

__all__ = ["demo"]

CORPUS = "demo"
OWN_QUESTIONS = (
    "Why does a killed process lose no answered call?",
    "How many tokens does the embedded encoder read?",
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


class _Demo:
    """One run: what it is given, and where it shows what happens."""

    def __init__(self, context: Context, show: Console, home: Path, docs: Path) -> None:
        self._context = context
        self._show = show
        self._home = home
        self._docs = docs

    async def run(self, questions: tuple[str, ...], model: str | None, stay: bool) -> int:
        """The whole demo; the exit code is 3 when some document could not be read."""
        settings = await self._settings(model)
        with self._context.build(settings) as platform:
            key = platform.keys.in_process()
            server = platform.server("127.0.0.1", 0)
            async with server.running() as address, AsyncClient(address, key) as client:
                report = await self._ingest(client)
                trace_id = ""
                for question in questions or self._questions():
                    trace_id = await self._ask(client, question)
                await asyncio.to_thread(platform.drainer.flush)
                self._show.print("\n[bold]The trace of that call[/]")
                self._show.print(render_trace(platform.traces.get(trace_id)))
                self._farewell(address, key, stay)
                if stay:
                    await server.stopped()
        return 3 if report.failed else 0

    async def _settings(self, model: str | None) -> Settings:
        """The user's own configuration where there is one, else one written for what is at hand."""
        given = self._context.settings
        settings = replace(given, home=self._home, models=given.models_dir)
        if given.config.exists() and model is None:
            self._show.print(f"Answers come from rag.answer_model of {given.config}.")
            return settings
        found = [] if model else await detect()
        self._introduce(found, model)
        self._home.mkdir(parents=True, exist_ok=True)
        config = self._home / "demo.yaml"
        config.write_text(render(found, model), encoding="utf-8")
        return replace(settings, config=config)

    def _introduce(self, found: list[Found], model: str | None) -> None:
        if model is not None:
            self._show.print(f"Answers come from {model}, as you asked.")
        elif found:
            self._show.print(f"Answers come from {found[0].model} at {found[0].provider}: {found[0].reason}.")
        else:
            self._show.print(
                "Answers come from the built-in extractive answerer, which picks sentences out\n"
                "of the documents: it is no generative model. To plug one in, set\n"
                "OPENAI_API_KEY, ANTHROPIC_API_KEY or GEMINI_API_KEY, or start Ollama or vLLM\n"
                "on its usual port, and run this again."
            )

    def _questions(self) -> tuple[str, ...]:
        return OWN_QUESTIONS if self._docs == own_docs() else (FALLBACK_QUESTION,)

    async def _ingest(self, client: AsyncClient) -> IngestReport:
        """Ingest over HTTP, as a background job, and show its progress and report."""
        body = {"paths": [str(self._docs.resolve())]}
        job = await client.request("POST", f"/api/rag/corpora/{CORPUS}/ingest", body)
        self._show.print(f"\nIngesting {self._docs}")
        with show_progress() as show:
            while job["status"] in ("queued", "running"):
                await asyncio.sleep(0.1)
                job = await client.request("GET", f"/api/jobs/{job['id']}")
                show(job["done"], job["total"], job["note"])
        if job["status"] != "done":
            raise PilothouseError(f"The ingest {job['status']}: {job['error'] or 'no reason given'}")
        report = IngestReport.from_json(job["result"])
        show_report(report)
        return report

    async def _ask(self, client: AsyncClient, question: str) -> str:
        """Stream one answer and list what it cites. Gives the trace id."""
        self._show.print(f"\n[bold cyan]?[/] [bold]{escape(question)}[/]")
        stream = client.stream(f"rag:{CORPUS}", question)
        citations: list[Json] = []
        async for chunk in stream:
            self._show.print(plain(chunk.text), end="", markup=False)
            if chunk.finish_reason is not None:
                citations = chunk.data.get("citations") or []
        self._show.print()
        for citation in citations:
            self._show.print(f"  [cyan]\\[{citation['number']}][/] [dim]{escape(plain(citation['place']))}[/]")
        return stream.trace_id

    def _farewell(self, address: str, key: str, stay: bool) -> None:
        self._show.print(f"\nConsole  {address}/console\nKey      {key}")
        if stay:
            self._show.print(f"Any OpenAI client works on {address}/v1 with that key.\nCtrl-C stops.")
        else:
            self._show.print("It ends with this run. Keep one running: pilothouse init, then pilothouse up.")
