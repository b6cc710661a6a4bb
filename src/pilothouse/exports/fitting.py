"""Which spans and scores an export is to send. Knows nothing of where they come from."""

from pilothouse.call import Span
from pilothouse.monitoring import ExportConfig

__all__ = ["fits", "is_low"]


def is_low(project: str, name: str, value: float | None, export: ExportConfig) -> bool:
    """Whether the export is to tell of this score."""
    limit = export.below.get(name)
    return limit is not None and value is not None and value < limit and project in (export.projects or (project,))


def fits(span: Span, export: ExportConfig) -> bool:
    """Whether the export is to send this span."""
    asked = (
        (export.projects, span.project_id), (export.sources, span.source), (export.kinds, span.kind),
        (export.statuses, span.status),
    )  # fmt: skip
    return all(not wanted or found in wanted for wanted, found in asked)
