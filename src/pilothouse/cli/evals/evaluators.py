"""`pilothouse evals evaluators`: what there is to judge with."""

import re

import click

from pilothouse.cli.context import as_json, show_rows
from pilothouse.evals.registry import DEFAULTS, Evaluators

__all__ = ["evaluators"]

_SENTENCE_ENDS = re.compile(r"(?<!et al)\. ")


@click.command()
@as_json
def evaluators(as_json: bool) -> None:
    """Every evaluator: what it needs, and the dimension that it speaks for by default."""
    known = Evaluators()
    speaks = {name: dimension for dimension, name in DEFAULTS.items()}
    rows = []
    for name in known.names():
        kind = known.kind(name)
        said = _SENTENCE_ENDS.split(" ".join((kind.__doc__ or "").split()))[0].rstrip(".")
        rows.append(
            {
                "evaluator": name,
                "needs": ", ".join(sorted(kind.needs)),
                "default_for": speaks.get(name),
                "judges": said,
            }
        )
    show_rows(rows, ("evaluator", "needs", "default_for", "judges"), as_json=as_json, empty="There are no evaluators.")
