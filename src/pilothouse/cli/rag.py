"""`pilothouse rag`: bring documents into a corpus, search it, ask it.

Exit code 3 of `ingest` means: done, but some documents could not be read.
"""

import time
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pilothouse.call import Call
from pilothouse.cli.context import Context, as_json, in_json, pass_context, plain, show_rows
from pilothouse.cli.ingest_view import show_progress, show_report
from pilothouse.errors import Cancelled, PilothouseError
from pilothouse.types import ChatRequest, Json

if TYPE_CHECKING:
    from pilothouse.app import Platform
    from pilothouse.storage import Job

__all__ = ["rag"]

EXIT_SOME_FAILED = 3
_POLL_SECONDS = 0.2

_corpus = click.option("--corpus", "-c", default="docs", show_default=True, help="The corpus.")


@click.group()
def rag() -> None:
    """Ingest documents, search them, ask them."""


@rag.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@_corpus
@as_json
@pass_context
def ingest(context: Context, paths: tuple[Path, ...], corpus: str, as_json: bool) -> int:
    """Make a corpus hold the files and folders at PATHS: new, changed and deleted ones are brought up to date.

    Reads PDF, HTML, Markdown, DOCX and text. The old version answers until the new one is complete. Exit code 3 says
    that some documents could not be read; the others are in.
    """
    from pilothouse.rag import IngestReport  # noqa: PLC0415 - the room is heavy, and not for --help

    with context.platform() as platform:
        job_id = platform.run(platform.rag.start_ingest(corpus, paths))
        job = _follow(platform, job_id)
    if job.status == "cancelled":
        raise Cancelled(f"The ingest was cancelled. The corpus '{corpus}' is as it was.")
    if job.status == "failed":
        raise PilothouseError(f"The ingest failed, the corpus '{corpus}' is as it was: {job.error}")
    report = IngestReport.from_json(job.result)
    if as_json:
        click.echo(in_json(report.to_json()))
    else:
        show_report(report)
    return EXIT_SOME_FAILED if report.failed else 0


@rag.command()
@click.argument("query")
@_corpus
@click.option("-k", type=click.IntRange(1, 100), help="How many passages (default: rag.top_k).")
@as_json
@pass_context
def search(context: Context, query: str, corpus: str, k: int | None, as_json: bool) -> None:
    """Find the passages for QUERY, best first."""
    with context.platform() as platform:
        hits = platform.run(platform.rag.search(corpus, query, k, Call(platform.recorder, endpoint="cli")))
    if as_json:
        rows = [{"rank": rank, "place": hit.place, **asdict(hit)} for rank, hit in enumerate(hits, 1)]
        click.echo(in_json(rows))
        return
    for rank, hit in enumerate(hits, 1):
        ranks = ", ".join(f"{name} {place}" for name, place in hit.ranks.items())
        click.echo(f"{rank}. {plain(hit.place)}  ({hit.score:.3f}: {ranks})\n   {plain(_shortened(hit.text))}")
    if not hits:
        click.echo("Nothing found.")


@rag.command()
@click.argument("question")
@_corpus
@as_json
@pass_context
def ask(context: Context, question: str, corpus: str, as_json: bool) -> None:
    """Answer QUESTION from a corpus, with numbered citations."""
    body = {"model": f"rag:{corpus}", "messages": [{"role": "user", "content": question}], "stream": True}
    with context.platform() as platform:
        call = Call(platform.recorder, endpoint="cli")
        say = (lambda text: None) if as_json else (lambda text: click.echo(plain(text), nl=False))
        answer, citations = platform.run(_ask(platform, ChatRequest.check(body), call, say))
    if as_json:
        said = {"answer": answer, "citations": citations, "trace_id": call.trace_id}
        click.echo(in_json(said))
        return
    click.echo("\n")
    for citation in citations:
        click.echo(f"[{citation['number']}] {plain(citation['place'])}")
    click.echo(f"Trace: pilothouse traces show {call.trace_id}", err=True)


@rag.command("list")
@click.argument("corpus", required=False)
@as_json
@pass_context
def list_(context: Context, corpus: str | None, as_json: bool) -> None:
    """List the corpora, or the documents of CORPUS. Sizes in bytes."""
    with context.looking() as platform:
        if corpus is None:
            corpora = [_dated(asdict(info), "updated_us") for info in platform.run(platform.rag.corpora())]
            columns: tuple[str, ...] = ("name", "version", "documents", "chunks", "updated")
            show_rows(corpora, columns, as_json=as_json, empty="No corpus yet: pilothouse rag ingest PATH")
        else:
            documents = [_dated(asdict(info), "ingested_us") for info in platform.run(platform.rag.documents(corpus))]
            columns = ("source", "title", "pages", "chunks", "size", "ingested")
            show_rows(documents, columns, as_json=as_json, empty="The corpus holds no documents.")


async def _ask(
    platform: "Platform", request: ChatRequest, call: Call, say: Callable[[str], None]
) -> tuple[str, list[Json]]:
    answer = ""
    citations: list[Json] = []
    async with aclosing(platform.gateway.chat(request, call)) as chunks:
        async for chunk in chunks:
            answer += chunk.text
            say(chunk.text)
            if chunk.finish_reason is not None:
                citations = chunk.data.get("citations") or []
    return answer, citations


def _follow(platform: "Platform", job_id: str) -> "Job":
    """Run the queue until the job is finished, and show how far it is. Ctrl-C cancels it."""
    with platform.executor, show_progress() as show:
        try:
            while not (job := platform.jobs.get(job_id)).finished:
                show(job.done, job.total, job.note)
                time.sleep(_POLL_SECONDS)
        except KeyboardInterrupt:
            platform.jobs.cancel(job_id)
            job = platform.jobs.wait(job_id)
    return job


def _shortened(text: str, length: int = 200) -> str:
    line = " ".join(text.split())
    return line if len(line) <= length else f"{line[:length].rsplit(' ', 1)[0]} ..."


def _dated(row: dict[str, Any], field: str) -> dict[str, Any]:
    """The row with one time written for people beside it, in local time."""
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(row[field] / 1e6))
    return {**row, field.removesuffix("_us"): when}
