"""A report as one HTML page that needs nothing else: for a build's artefacts, and for people who have no console."""

from functools import cache
from pathlib import Path

from jinja2 import Environment, StrictUndefined, Template

from pilothouse.redteam.comparing import Comparison
from pilothouse.redteam.report import Report

__all__ = ["page"]

_TEMPLATE = Path(__file__).with_name("report.html")


def page(report: Report, comparison: Comparison | None = None) -> str:
    """The page; with a comparison, what changed since the run before. Every text in it is escaped: attacks and answers
    are shown, and never run."""
    return _template().render(report=report, comparison=comparison)


@cache
def _template() -> Template:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["percent"] = lambda share: "–" if share is None else f"{share:.1%}"
    return environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
